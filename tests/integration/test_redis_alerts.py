"""The projection of the alerts topic into a real Redis."""

import threading
import time
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from driftline.events import Alert, AlertReference, AlertWindow, Promise, encode
from driftline.kafka_clients import open_producer
from driftline.redis_client import ALERTS_STREAM, FIRING_HASH, open_redis
from driftline.settings import Settings
from driftline.topics import ALERTS
from monitor.redis_alerts import projected

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def alert(name: str, state: Literal["firing", "resolved"] = "firing") -> Alert:
    return Alert(
        id=name, state=state, kind="data_drift", level="monitor", started_at=NOW, updated_at=NOW, resolved_at=None,
        at_contact=1, window=AlertWindow(contacts=1, first={}, last={}), model_version="1",
        reference=AlertReference(id="r", rows=1), drift_share=0.1,
        promise=Promise(false_alarm_rate=0.05, horizon=1, holds=True), columns=[], summary="", runbook="",
    )  # fmt: skip


def publish(settings: Settings, *alerts: Alert) -> None:
    producer = open_producer(settings)
    for one in alerts:
        producer.send(settings.topic(ALERTS.name), key=one.id.encode(), value=encode(one))
    producer.close()


def project(settings: Settings, at_most: int) -> list[Alert]:
    """What is projected until nothing has come for a second, or ``at_most`` alerts."""
    found: list[Alert] = []
    quiet_since = time.monotonic()
    for one in projected(settings, open_redis(settings), print, threading.Event()):
        if one is not None:
            found.append(one)
            quiet_since = time.monotonic()
        if len(found) == at_most or time.monotonic() - quiet_since > 1:
            break
    return found


@pytest.fixture(autouse=True)
def empty_redis(settings: Settings) -> None:
    open_redis(settings).flushall()


def entries(settings: Settings) -> list[tuple[str, str]]:
    found: Any = open_redis(settings).xrange(ALERTS_STREAM)
    return [(fields["id"], fields["state"]) for _, fields in found]


def test_each_state_change_is_an_entry_and_the_hash_holds_what_fires(settings: Settings) -> None:
    publish(settings, alert("a"), alert("b"), alert("a", "resolved"))
    project(settings, 9)
    assert entries(settings) == [("a", "firing"), ("b", "firing"), ("a", "resolved")]
    assert list(open_redis(settings).hkeys(FIRING_HASH)) == ["b"]


def test_a_projector_that_was_killed_goes_on_where_redis_stands(settings: Settings) -> None:
    publish(settings, alert("a"), alert("b"), alert("c"))
    project(settings, 1)
    assert [one.id for one in project(settings, 9)] == ["b", "c"]
    assert len(entries(settings)) == 3


def test_an_emptied_redis_is_rebuilt_from_the_topic(settings: Settings) -> None:
    publish(settings, alert("a"), alert("b"))
    project(settings, 9)
    open_redis(settings).flushall()
    project(settings, 9)
    assert entries(settings) == [("a", "firing"), ("b", "firing")]


def test_a_projection_of_another_log_is_dropped(settings: Settings) -> None:
    open_redis(settings).xadd(ALERTS_STREAM, {"id": "old", "state": "firing"}, id="99-0")
    publish(settings, alert("a"))
    project(settings, 9)
    assert entries(settings) == [("a", "firing")]


def test_what_is_no_alert_is_left_out_and_holds_nothing_up(settings: Settings) -> None:
    producer = open_producer(settings)
    producer.send(settings.topic(ALERTS.name), value=b"<alert/>")
    producer.close()
    publish(settings, alert("a"))
    project(settings, 9)
    assert entries(settings) == [("a", "firing")]
