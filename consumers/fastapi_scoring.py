"""The HTTP API: the scorer of the stream behind ``/predict`` and ``/predict/batch``.

Bodies are decoded by the contract's own rules instead of FastAPI's (`consumers.contact_requests`), so that API and
stream take the same contacts; FastAPI routes, and documents. One contact is scored on the event loop; a batch in a
thread, so that the API goes on answering.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastapi_offline
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumers.answering import Answering
from consumers.contact_requests import GivenContact, RefusedError, Scored, read_batch, read_contact, scored_batch
from consumers.fastapi_documents import (
    GUARDED,
    HEALTH,
    METRICS,
    PREDICT,
    PREDICT_BATCH,
    READY,
    Fault,
    Health,
    Ready,
    SpoolState,
    document,
)
from driftline.prometheus_metrics import CONTENT_TYPE_LATEST, RequestMetrics

BODY_SECONDS = 30.0
"""That a body may take to come."""
RETRY_SECONDS = "5"
_PATHS = frozenset({*GUARDED, "/health", "/ready", "/docs", "/openapi.json"})
_encode = msgspec.json.Encoder().encode
_KEY_CHARACTERS = frozenset(map(chr, range(ord("!"), ord("~") + 1)))


@dataclass(frozen=True)
class Api:
    """What the app is made of.

    Args:
        champion: the version that scores now.
        broker: whether it can be reached.
        key: what clients have to send; None asks for none.
        max_bytes: that a body may have.
    """

    answering: Answering
    metrics: RequestMetrics
    champion: Callable[[], str | None]
    broker: Callable[[], bool]
    say: Callable[[str], None]
    key: str | None
    max_bytes: int

    @property
    def lacking(self) -> str | None:
        """Why no contact is taken now; None where they are."""
        if self.champion() is None:
            return "no model yet: `driftline retrain` trains the first one"
        if self.answering.spool.nearly_full:
            return "the spool is nearly full: contacts wait for the broker"
        return None


def create_app(api: Api) -> ASGIApp:
    """The whole API as an ASGI app."""
    app = FastAPI(
        title="Driftline", version="0.1.0", docs_url=None, redoc_url=None, swagger_ui_oauth2_redirect_url=None
    )
    app.exception_handlers[RefusedError] = _refused
    _score_routes(app, api)
    _state_routes(app, api)
    _documentation(app)
    documented = document(app, with_key=api.key is not None)
    app.openapi = lambda: documented  # type: ignore[method-assign]  # as FastAPI's own guide has it
    return _Front(app, api)


def _score_routes(app: FastAPI, api: Api) -> None:
    batches = ThreadPoolExecutor(1, "batches")  # one after the other: side by side they would be no quicker

    def answer(given: list[GivenContact], body: bytes, key: str | None) -> tuple[list[Scored], float]:
        answers, took = api.answering.answer(given, body, key)
        api.metrics.scored(len(answers))
        return answers, took

    def answer_batch(body: bytes, key: str | None) -> bytes:
        return _encode(scored_batch(*answer(read_batch(body), body, key)))

    @app.post("/predict", response_class=Response, **PREDICT)
    async def predict(request: Request) -> Response:
        body, key = await _body(request, api.max_bytes), _idempotency_key(request)
        answers, _ = answer(read_contact(body), body, key)
        return _json(answers[0])

    @app.post("/predict/batch", response_class=Response, **PREDICT_BATCH)
    async def predict_batch(request: Request) -> Response:
        body, key = await _body(request, api.max_bytes), _idempotency_key(request)
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(batches, answer_batch, body, key)
        return Response(content, media_type="application/json")


def _state_routes(app: FastAPI, api: Api) -> None:
    spool = api.answering.spool

    @app.get("/health", response_class=Response, **HEALTH)
    async def health() -> Response:
        state = SpoolState(spool.waiting, spool.size)
        return _json(Health(api.lacking or "ok", api.champion(), api.broker(), state))

    @app.get("/ready", response_class=Response, **READY)
    async def ready() -> Response:
        if (lacking := api.lacking) is not None:
            raise RefusedError(503, lacking)
        return _json(Ready("ready"))

    @app.get("/metrics", response_class=Response, **METRICS)
    async def metrics() -> Response:
        return Response(api.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _documentation(app: FastAPI) -> None:
    """FastAPI's own page loads its script from a foreign host; this one works where there is no other."""
    assets = "/docs-assets"
    app.mount(assets, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Driftline",
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
        )


async def _body(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        RefusedError: 415 where it is not sent as JSON, 413 where it is too large, 408 where it does not come.
    """
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        # What a browser sends to other origins without asking first has other types.
        raise RefusedError(415, "send JSON, with the header Content-Type: application/json")
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told) > most:
        raise _too_large(most)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
    except TimeoutError:
        raise RefusedError(408, f"the body did not come within {BODY_SECONDS:.0f} s") from None
    except ClientDisconnect:  # nobody hears it; but a client's failure is not to be counted as one of the API
        raise RefusedError(400, "the body broke off") from None
    return b"".join(chunks)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"more than {most:,} bytes: send the contacts in pages")


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 255 and _KEY_CHARACTERS.issuperset(key)):
        raise RefusedError(422, "Idempotency-Key is not 1 to 255 visible ASCII characters", kind="value_error")
    return key


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(content), status, headers, "application/json")


async def _refused(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, RefusedError)
    headers = {"Retry-After": RETRY_SECONDS} if refused.status == 503 else None
    return _json({"detail": refused.detail}, refused.status, headers)


class _Front:
    """Around the app: the API key, the count of requests, and an answer to what nobody foresaw."""

    def __init__(self, app: ASGIApp, api: Api) -> None:
        self._app = app
        self._api = api
        self._key = None if api.key is None else api.key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = scope["path"] if scope["path"] in _PATHS else "other"
        try:
            if path in GUARDED and not self._may(scope):
                await _UNAUTHORISED(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        except Exception as fault:  # answered with 500 already; the text of a fault may hold a contact's, its kind not
            self._api.say(f"{path} failed: {type(fault).__name__}{_place(fault)}")
        finally:
            self._api.metrics.answered(path, status, time.perf_counter() - began)

    def _may(self, scope: Scope) -> bool:
        if self._key is None:
            return True
        headers = dict(scope["headers"])
        bearer: bytes = headers.get(b"authorization", b"")
        kind, _, token = bearer.partition(b" ")
        given = headers.get(b"x-api-key") or (token if kind.lower() == b"bearer" else b"")
        return hmac.compare_digest(given, self._key)


async def _unauthorised(scope: Scope, receive: Receive, send: Send) -> None:
    answer = _json(Fault("an API key is needed: X-API-Key, or Authorization: Bearer"), 401)
    answer.headers["WWW-Authenticate"] = "Bearer"
    await answer(scope, receive, send)


_UNAUTHORISED: Callable[[Scope, Receive, Send], Awaitable[None]] = _unauthorised


def _place(fault: BaseException) -> str:
    last = fault.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "" if last is None else f" in {last.tb_frame.f_code.co_filename}, line {last.tb_lineno}"
