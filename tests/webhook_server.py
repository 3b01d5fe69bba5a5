"""A real HTTP server on loopback that receives webhooks, and misbehaves as it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.stub_server import StubServer


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


class WebhookServer(StubServer):
    """What came, and which of it was answered with 200."""

    def __init__(self, behave: Behaviour = lambda _: Reply()) -> None:
        super().__init__()
        self.behave = behave
        self.hooks: list[Hook] = []
        self.taken: list[Hook] = []
        self.url = f"http://{self.address}/hook/secret-path"
        self._lock = threading.Lock()

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

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer as it behaves."""
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
