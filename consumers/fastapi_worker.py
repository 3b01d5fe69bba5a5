"""`driftline api`: one process that serves the API, follows the champion, and empties its spool onto the topic."""

from __future__ import annotations

import socket
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread

from starlette.types import ASGIApp

from consumers.answering import Answering
from consumers.fastapi_scoring import Api, create_app
from consumers.kafka_outbox import Outbox
from consumers.kafka_scoring import scoring_model
from consumers.prediction_log import PredictionLog
from consumers.scoring import ScoringModel
from consumers.spool import Spool, SpoolTakenError
from driftline.fastapi_server import listen, serve
from driftline.kafka_clients import KafkaError, connection, ensure_topics, wait_for_kafka
from driftline.prometheus_metrics import RequestMetrics
from driftline.settings import Settings, SettingsError
from driftline.workers import mark_ready
from model.kafka_models import KafkaModels

Say = Callable[[str], None]
DRAIN_SECONDS = 1.5
"""At the end, for the spool; the rest stays for the next start."""
SWITCH_SECONDS = 0.0005
"""After which a thread that scores a batch, or feeds the topic, gives way to the one that answers."""


def run(settings: Settings, say: Say, stop: Flag, metrics: RequestMetrics | None = None) -> None:
    """Serve until ``stop`` is set, or a signal comes.

    Raises:
        SettingsError: no broker is named, the address is taken, or the spool is another process's.
    """
    connection(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    listener = listen(settings.api_host, settings.api_port, "DRIFTLINE_API")
    try:
        spool = Spool(settings.home / "api-spool", f"api-{uuid.uuid4().hex[:16]}", settings.api_spool_bytes)
    except SpoolTakenError:
        listener.close()
        raise SettingsError(
            f"an API already runs in {settings.home}: stop it, or set another DRIFTLINE_HOME (each needs its own spool)"
        ) from None
    stream = Stream(settings, spool, say, stop)
    log = PredictionLog(
        settings.home / "logs" / "predictions.jsonl", say,
        size=settings.prediction_log_bytes, files=settings.prediction_log_files,
    )  # fmt: skip
    answering = Answering(stream, spool, log, lambda: datetime.now(UTC), time.perf_counter, lambda: uuid.uuid4().hex)
    app = _app(settings, answering, stream, say, metrics or RequestMetrics())
    try:
        _say_where(settings, listener, say)
        serve(app, listener, stop)
    finally:
        stop.set()
        stream.close()
        spool.close()
        log.close()


class Stream:
    """The API's side of the stream: once the broker answers, the champion, and the way of contacts onto the topic."""

    def __init__(self, settings: Settings, spool: Spool, say: Say, stop: Flag) -> None:
        self._settings, self._spool, self._say, self._stop = settings, spool, say, stop
        self._models: KafkaModels[ScoringModel] | None = None
        self._outbox: Outbox | None = None
        Thread(target=self._join, name="stream", daemon=True).start()

    @property
    def champion(self) -> ScoringModel | None:
        """The champion now."""
        return None if self._models is None else self._models.champion

    @property
    def version(self) -> str | None:
        """Its version."""
        return None if (champion := self.champion) is None else champion.version

    @property
    def reachable(self) -> bool:
        """Whether the broker answers."""
        return self._outbox is not None and self._outbox.reachable

    def close(self) -> None:
        """Give the spool a moment to empty itself."""
        if self._outbox is not None:
            self._outbox.close(DRAIN_SECONDS)
        if self._spool.waiting:
            self._say(f"{self._spool.waiting:,} contacts stay in the spool; the next start sends them")

    def _join(self) -> None:
        wait_for_kafka(self._settings, self._say, stop=self._stop)
        while not self._stop.is_set():
            try:
                ensure_topics(self._settings)
                break
            except (KafkaError, OSError) as fault:
                self._say(f"the broker is gone again ({type(fault).__name__}), trying again")
                self._stop.wait(1.0)
        if self._stop.is_set():
            return
        self._models = KafkaModels(self._settings, scoring_model, self._say, self._stop)
        self._outbox = Outbox(self._settings, self._spool, self._say)
        if self._models.wait_for_champion() is not None:
            self._say(f"answering with version {self.version}")
            mark_ready(self._settings.home, "api")


def _app(settings: Settings, answering: Answering, stream: Stream, say: Say, metrics: RequestMetrics) -> ASGIApp:
    spool = answering.spool
    metrics.model.now = lambda: stream.version
    metrics.spool_contacts.set_function(lambda: spool.waiting)
    metrics.spool_bytes.set_function(lambda: spool.size)
    metrics.broker_reachable.set_function(lambda: stream.reachable)
    return create_app(
        Api(
            answering=answering,
            metrics=metrics,
            champion=lambda: stream.version,
            broker=lambda: stream.reachable,
            say=say,
            key=None if settings.api_key is None else settings.api_key.get_secret_value(),
            max_bytes=settings.api_max_bytes,
        )
    )


def _say_where(settings: Settings, listener: socket.socket, say: Say) -> None:
    at = settings.model_copy(update={"api_port": listener.getsockname()[1]}).api_address
    say(f"the API is at {at} (its documentation: {at}/docs)")
    if settings.api_key is None and settings.api_host not in ("127.0.0.1", "::1", "localhost"):
        say(f"WARNING: {settings.api_host} is beyond this machine and no key is asked for: set DRIFTLINE_API_KEY")
