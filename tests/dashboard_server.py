"""The dashboard beside a test, what a browser would read of it, and events for it to show."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
from pydantic import SecretStr

from driftline.events import (
    Alert,
    AlertReference,
    AlertWindow,
    DeadLetter,
    DriftedColumn,
    Event,
    MonitoredColumns,
    Prediction,
    Promise,
    WindowReport,
    encode,
)
from driftline.kafka_clients import open_producer
from driftline.settings import Settings
from driftline.topics import Topic
from monitor.dashboard_state import MOMENTS
from monitor.fastapi_dashboard_worker import run
from tests.kafka_server import free_port
from tests.worker_thread import worker_thread

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = "a token for tests"
REFERENCE = AlertReference(id="r", rows=1_000)
PROMISE = Promise(false_alarm_rate=0.05, horizon=20_000, holds=True)
WINDOW = AlertWindow(contacts=500, first={"0": 0}, last={"0": 499})


def report(at_contact: int = 500, at: datetime = NOW) -> WindowReport:
    return WindowReport(
        at=at, at_contact=at_contact, model_version="1", window=WINDOW, full=True, reference=REFERENCE,
        promise=PROMISE, evidence={}, columns=[], distributions=[], drift_share=0.2, drifting=["industry"],
        strengths={"industry": 1.5},
    )  # fmt: skip


def alert(name: str = "a", state: Literal["firing", "resolved"] = "firing", **values: Any) -> Alert:
    column = DriftedColumn(
        name="industry", features=["industry"], test="ks", statistic=0.4, threshold=0.14, p_value=0.0, effect=0.4,
        direction="higher", cause="45% of the values are new",
    )  # fmt: skip
    known: dict[str, Any] = {
        "id": name, "state": state, "kind": "data_drift", "level": "alert", "started_at": NOW, "updated_at": NOW,
        "resolved_at": NOW if state == "resolved" else None, "at_contact": 1_200, "window": WINDOW,
        "model_version": "1", "reference": REFERENCE, "drift_share": 0.5, "promise": PROMISE, "columns": [column],
        "summary": "", "runbook": "",
    }  # fmt: skip
    return Alert(**known | values)


def letter(offset: int = 0, reason: str = "not JSON: malformed (byte 3)") -> DeadLetter:
    return DeadLetter(
        reason=reason, topic="driftline.contacts", partition=0, offset=offset, key=None, value=b"Example Person",
        failed_at=NOW,
    )  # fmt: skip


def prediction(name: str = "id of a contact", score: float = 0.6, **columns: Any) -> Prediction:
    return Prediction(
        contact_id=name, source_offset=0, model_version="1", score=score, features=[],
        columns=MonitoredColumns(**columns), sent_at=datetime.now(UTC),
    )  # fmt: skip


def publish(settings: Settings, topic: Topic, *events: Event) -> None:
    producer = open_producer(settings, linger_ms=0)
    for event in events:
        producer.send(settings.topic(topic.name), key=b"k", value=encode(event), partition=0).get(10)
    producer.close()


@contextmanager
def dashboard(settings: Settings, lines: list[str] | None = None) -> Iterator[httpx.Client]:
    """The dashboard in this process while the block runs."""
    own = settings.model_copy(update={"dashboard_port": free_port(), "dashboard_token": SecretStr(TOKEN)})
    with (
        worker_thread(run, own, [] if lines is None else lines),
        httpx.Client(base_url=own.dashboard_address or "", timeout=30) as client,
    ):
        until(lambda: client.get("/health").json()["status"] == "ok")
        yield client


def until(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What ``look`` finds as soon as that is something."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := look():
                return found
            told: Any = "nothing"
        except httpx.TransportError as fault:
            told = fault
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {told}"
        time.sleep(0.05)


def state(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/state").json()
    return found


def applied(view: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """What is seen after one more event, as the page does it."""
    if name == "state":
        return dict(value)
    if name == "moment":
        return view | {"history": [*view["history"], value][-MOMENTS:]}
    return view | {name: value}


class Viewer:
    """Somebody who looks on: keeps each event with the time when it came, and what is seen after the last."""

    def __init__(self, client: httpx.Client) -> None:
        self.events: list[tuple[float, str, Any]] = []
        self.view: dict[str, Any] = {}
        self._stream = client.stream("GET", "/api/events")
        answer = self._stream.__enter__()
        assert answer.headers["content-type"].startswith("text/event-stream")
        self._thread = threading.Thread(target=self._read, args=(answer,), daemon=True)
        self._thread.start()

    def _read(self, answer: httpx.Response) -> None:
        name = ""
        try:
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    value = json.loads(line.removeprefix("data: "))
                    self.events.append((time.monotonic(), name, value))
                    self.view = applied(self.view, name, value)
        except (httpx.TransportError, httpx.StreamError):
            pass  # the test, or the dashboard, has ended

    def wait_for(self, name: str, reached: Callable[[Any], bool], since: float, seconds: float = 10.0) -> float:
        """Seconds until an event of this name came of which ``reached`` holds."""
        came = until(
            lambda: [at for at, found, data in list(self.events) if found == name and at >= since and reached(data)],
            seconds,
        )
        return float(came[0] - since)
