"""The dashboard over HTTP: one page, the state as JSON and as server-sent events, two actions behind a token.

It listens to a feed and reads nothing itself. There is no CORS, so pages of other origins cannot read an answer, nor
send JSON or a token; and a name that resolves to this machine without being its own is refused (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from driftline.prometheus_metrics import CONTENT_TYPE_LATEST, DashboardMetrics
from monitor.dashboard_actions import Actions, RefusedError, Reports, unknown_alert
from monitor.dashboard_feed import Feed, encode_json, event

KEEP_ALIVE = event("alive", b"{}")
KEEP_ALIVE_SECONDS = 5.0
"""After which it is said that there is nothing new: whoever hears nothing takes the connection for lost."""
TOGETHER_SECONDS = 0.1
"""What comes within it is sent together."""
MOST_VIEWERS = 200
MOST_BYTES = 4_096
"""Of the body of an action."""
RETRY_SECONDS = "2"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Observable Plot puts a style element into its pictures.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'; object-src 'none';"
    " base-uri 'none'; form-action 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline';"
    " img-src data: blob:; font-src data:; worker-src blob:"
)
"""Evidently's page is scripts: they run in an origin of their own, without the API, and can load and send nothing."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class RollbackRequest(msgspec.Struct, frozen=True):
    """The body of a rollback: the champion that the page showed."""

    champion: str = msgspec.field(name="from")


@dataclass
class Dashboard:
    """What the app is made of.

    Args:
        assets: the folder of the page.
        host: where it listens.
    """

    feed: Feed
    actions: Actions
    reports: Reports
    assets: Path
    token: str
    host: str
    say: Callable[[str], None]
    viewers: int = field(default=0, init=False)

    @property
    def lacking(self) -> str | None:
        """What is being waited for."""
        found: str | None = self.feed.read(lambda state: state.trouble)
        return found


def create_app(dashboard: Dashboard, metrics: DashboardMetrics) -> ASGIApp:
    """The whole dashboard as an ASGI app."""
    app = FastAPI(title="Driftline", docs_url=None, redoc_url=None, openapi_url=None)
    app.exception_handlers[RefusedError] = _refused
    metrics.viewers.set_function(lambda: dashboard.viewers)
    metrics.broker_reachable.set_function(lambda: dashboard.lacking is None)
    _page_routes(app, dashboard)
    _state_routes(app, dashboard, metrics)
    _action_routes(app, dashboard, metrics)
    return _Front(app, dashboard)


def _page_routes(app: FastAPI, dashboard: Dashboard) -> None:
    app.mount("/assets", StaticFiles(directory=dashboard.assets, check_dir=False))

    @app.get("/")
    async def index() -> FileResponse:
        return FileResponse(dashboard.assets / "index.html")

    @app.get("/alerts/{alert_id}")
    async def alert_page(alert_id: str) -> FileResponse:
        return FileResponse(dashboard.assets / "alert.html")

    @app.get("/alerts/{alert_id}/report")
    def report(alert_id: str) -> FileResponse:
        path = dashboard.reports.get(alert_id)
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


def _state_routes(app: FastAPI, dashboard: Dashboard, metrics: DashboardMetrics) -> None:
    feed = dashboard.feed

    @app.get("/api/state")
    async def state() -> Response:
        return Response(feed.document(), media_type="application/json")

    @app.get("/api/events")
    async def events() -> EventSourceResponse:
        if dashboard.viewers >= MOST_VIEWERS:
            raise RefusedError(503, f"{MOST_VIEWERS} look on already: close a page")
        return EventSourceResponse(_events(dashboard), headers={"X-Accel-Buffering": "no"})

    @app.get("/api/alerts/{alert_id}")
    async def alert(alert_id: str) -> Response:
        found = feed.read(lambda state: state.alert(alert_id))
        if found is None:
            raise unknown_alert(alert_id)
        return _json(found)

    @app.get("/health")
    async def health() -> Response:
        return _json({"status": dashboard.lacking or "ok", "viewers": dashboard.viewers})

    @app.get("/metrics")
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _action_routes(app: FastAPI, dashboard: Dashboard, metrics: DashboardMetrics) -> None:
    async def acting(action: str, request: Request, act: Callable[[bytes], dict[str, Any]]) -> Response:
        status = 500
        try:
            body = await _admitted(request, dashboard.token)
            answer = await asyncio.to_thread(act, body)
            status = 200
        except RefusedError as refused:
            status = refused.status
            raise
        finally:
            metrics.actions.labels(action, status).inc()
        return _json(answer)

    @app.post("/api/alerts/{alert_id}/acknowledge")
    async def acknowledge(alert_id: str, request: Request) -> Response:
        return await acting("acknowledge", request, lambda _: {"alert": dashboard.actions.acknowledge(alert_id)})

    @app.post("/api/models/rollback")
    async def rollback(request: Request) -> Response:
        return await acting(
            "rollback", request, lambda body: {"champion": dashboard.actions.rollback(_champion_in(body))}
        )


async def _events(dashboard: Dashboard) -> AsyncIterator[bytes]:
    """What one viewer is sent: all of it, then what changes.

    One who does not read is waited for here, and meanwhile nothing piles up: what is sent next is what is then.
    """
    feed, loop, woken = dashboard.feed, asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        if not woken.is_set():
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(woken.set)

    deaf = feed.listen(wake)
    dashboard.viewers += 1
    try:
        seen = None
        while not feed.closed:
            woken.clear()
            news, seen = feed.news(seen)
            yield news or KEEP_ALIVE
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await woken.wait()
                await asyncio.sleep(TOGETHER_SECONDS)
    finally:
        dashboard.viewers -= 1
        deaf()


async def _admitted(request: Request, token: str) -> bytes:
    """The body of an action.

    Raises:
        RefusedError: 401 without the token, 415 where it is not sent as JSON, 413 where it is too large.
    """
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise RefusedError(401, "this needs the dashboard's token: Authorization: Bearer TOKEN")
    if request.headers.get("content-type", "").split(";", 1)[0].strip().lower() != "application/json":
        raise RefusedError(415, "send JSON, with the header Content-Type: application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise RefusedError(413, f"more than {MOST_BYTES:,} bytes")
    return body


def _champion_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=RollbackRequest).champion
    except msgspec.DecodeError:
        raise RefusedError(422, 'send {"from": the version that is champion}') from None


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode_json(content), status, headers, "application/json")


async def _refused(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, RefusedError)
    more = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": RETRY_SECONDS}}
    return _json({"detail": refused.detail}, refused.status, more.get(refused.status))


class _Front:
    """Around the app: whom it answers, the headers of every answer, and what nobody foresaw."""

    def __init__(self, app: ASGIApp, dashboard: Dashboard) -> None:
        self._app = app
        self._dashboard = dashboard
        self._hosts = LOOPBACK | {dashboard.host} if dashboard.host in LOOPBACK else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._hosts is not None and host_of(Headers(scope=scope).get("host", "")) not in self._hosts:
            refused = _json({"detail": "this is no name of this machine: open the address that it says"}, 421)
            await refused(scope, receive, sending)
            return
        try:
            await self._app(scope, receive, sending)
        except Exception as fault:  # answered with 500 already
            self._dashboard.say(f"{scope['path'][:100]!r} failed: {type(fault).__name__}: {fault}")


def host_of(header: str) -> str:
    """The host that a Host header names, without its port.

    >>> [host_of(header) for header in ("localhost:8080", "127.0.0.1", "[::1]:80", "Example.invalid:80")]
    ['localhost', '127.0.0.1', '::1', 'example.invalid']
    """
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
