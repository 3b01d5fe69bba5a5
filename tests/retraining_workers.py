"""Retraining workers beside a test, what they are told, and what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from driftline.events import Alert, AlertReference, AlertWindow, Contact, ModelEvent, Promise, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.redis_client import ALERTS_STREAM, open_redis
from driftline.settings import Settings
from driftline.topics import ALERTS, MODEL_EVENTS
from model.redis_retrain import run
from producers.base_set import base_contacts

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def command() -> list[str]:
    return [sys.executable, "-m", "driftline.cli", "retrain"]


def environment(settings: Settings) -> dict[str, str]:
    """For a worker of these settings, without a cooldown."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
    return env | settings.to_environment() | {"DRIFTLINE_COOLDOWN_SECONDS": "0"}


def put_onto_alerts_topic(settings: Settings, *alerts: Alert) -> None:
    producer = open_producer(settings)
    for one in alerts:
        producer.send(settings.topic(ALERTS.name), key=one.id.encode(), value=encode(one)).get(10)
    producer.close()


@contextmanager
def retrainers(settings: Settings, *instances: str, **options: object) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Retraining workers as processes; at the end each is interrupted and ends in time.

    Args:
        options: settings of theirs; without a cooldown unless they say so.
    """
    env = environment(settings)
    env |= {f"DRIFTLINE_{name.upper()}": str(value) for name, value in options.items()}
    workers = [subprocess.Popen(command(), env=env | {"DRIFTLINE_INSTANCE": name}) for name in instances]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        codes = [worker.wait(5) for worker in workers]
    assert codes == [130] * len(workers)


@contextmanager
def retraining(settings: Settings, *instances: str, **options: object) -> Iterator[list[str]]:
    """Retraining workers as threads, which need not import MLflow each; yields what they say."""
    base = base_contacts(settings, lambda _: None)
    lines: list[str] = []
    stop = threading.Event()
    own = [settings.model_copy(update={"cooldown_seconds": 0.0, "instance": name} | options) for name in instances]
    workers = [threading.Thread(target=run, args=(one, lambda: base, lines.append, stop)) for one in own]
    for worker in workers:
        worker.start()
    try:
        yield lines
    finally:
        stop.set()
        for worker in workers:
            worker.join(20)
    assert not any(worker.is_alive() for worker in workers)


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alert(name: str, version: str = "1") -> Alert:
    return Alert(
        id=name, state="firing", kind="data_drift", level="retrain", started_at=NOW, updated_at=NOW, resolved_at=None,
        at_contact=1, window=AlertWindow(contacts=1, first={"0": 0, "1": 0}, last={}), model_version=version,
        reference=AlertReference(id="r", rows=1), drift_share=0.1, columns=[], summary="", runbook="",
        promise=Promise(false_alarm_rate=0.05, horizon=1, holds=True),
    )  # fmt: skip


def deliver(settings: Settings, *alerts: Alert) -> None:
    redis = open_redis(settings)
    for one in alerts:
        fields: Any = {"id": one.id, "state": one.state, "level": one.level, "kind": one.kind, "json": encode(one)}
        redis.xadd(ALERTS_STREAM, fields)


def everything_acknowledged(settings: Settings) -> bool:
    redis = open_redis(settings)
    groups: Any = redis.xinfo_groups(ALERTS_STREAM)
    return bool(groups and groups[0]["lag"] == 0 and groups[0]["pending"] == 0)


def decisions(settings: Settings) -> list[ModelEvent]:
    events = [decode(ModelEvent, record.value) for record in read_all(settings, MODEL_EVENTS)]
    return [event for event in events if event.event == "decided"]
