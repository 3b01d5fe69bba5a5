"""A real HTTP server on loopback that receives webhooks, and misbehaves as it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Hook:
    """What came in."""

    number: int
    """From 0, in order of arrival."""
    path: str
    body: bytes
    headers: Mapping[str, str]
    at: float
    """`time.monotonic` of its arrival."""

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def change(self) -> str:
        return self.headers["Idempotency-Key"]


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        delay: seconds before it.
        cut: close the connection instead.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False


Behaviour = Callable[[Hook], Reply]


class WebhookServer:
    """What came, and which of it was answered with 200."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.hooks: list[Hook] = []
        self.taken: list[Hook] = []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server._serve(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads, self._http.block_on_close = True, False
        self.address = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"http://{self.address}/hook/secret-path"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait_for(self, taken: int, seconds: float = 30.0) -> list[Hook]:
        """Once so many have been taken, all that came."""
        deadline = time.monotonic() + seconds
        while len(self.taken) < taken:
            assert time.monotonic() < deadline, f"{len(self.taken)} of {taken} webhooks came: {self.hooks}"
            time.sleep(0.02)
        return self.hooks

    def wait_for_change(self, change: str, seconds: float = 60.0) -> list[Hook]:
        """Once this one has been taken, all that came."""
        deadline = time.monotonic() + seconds
        while all(hook.change != change for hook in self.taken):
            assert time.monotonic() < deadline, f"{change} did not come: {self.hooks}"
            time.sleep(0.02)
        return self.hooks

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._lock:
            hook = Hook(len(self.hooks), handler.path, body, dict(handler.headers), time.monotonic())
            self.hooks.append(hook)
        reply = self.behave(hook)
        time.sleep(reply.delay)
        try:
            if reply.cut:
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
                return
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"ok")
        except OSError:  # nobody waits for this answer any more
            handler.close_connection = True
        else:
            if reply.status == 200:
                with self._lock:
                    self.taken.append(hook)


@contextmanager
def webhook_server(behave: Behaviour = lambda _: Reply()) -> Iterator[WebhookServer]:
    """A server that behaves like this, as long as the block lasts."""
    server = WebhookServer(behave)
    try:
        yield server
    finally:
        server.close()
