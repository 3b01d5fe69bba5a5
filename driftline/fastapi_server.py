"""What the HTTP servers have in common: where they listen, and how they end."""

from __future__ import annotations

import logging
import socket
from threading import Event as Flag
from threading import Thread
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from driftline.settings import SettingsError

ANSWER_SECONDS = 2
"""At the end, for requests in flight."""


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens there.

    Args:
        setting: what the variables of the address begin with, such as ``DRIFTLINE_API``.

    Raises:
        SettingsError: the address is taken, or none of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        raise SettingsError(
            f"{setting}_HOST, {setting}_PORT: cannot listen on {host}:{port}"
            f" ({fault.strerror}): free it, or take another port"
        ) from None
    listener.listen(1024)
    return listener


def serve(app: ASGIApp, listener: socket.socket, stop: Flag) -> None:
    """Answer until ``stop`` is set, or a signal comes."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # workers say what happens; contacts are in no log
    server = _Server(
        stop,
        uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False, ws="none",
            timeout_graceful_shutdown=ANSWER_SECONDS,
        ),
    )  # fmt: skip
    Thread(target=_end, args=(stop, server), daemon=True).start()
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says at once that it is asked to end: who is sent events for hours must not hold it up."""

    def __init__(self, stop: Flag, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop.set()
        super().handle_exit(sig, frame)


def _end(stop: Flag, server: uvicorn.Server) -> None:
    stop.wait()
    server.should_exit = True
