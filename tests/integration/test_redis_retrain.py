"""The retraining worker on a real broker, Redis and MLflow: one alert, one retraining."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from driftline.counts import champion
from driftline.events import Alert, AlertReference, AlertWindow, Contact, ModelEvent, Promise, decode, encode
from driftline.kafka_clients import read_all
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK, open_redis
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS
from model.kafka_models import publish, registered_event
from model.mlflow_registry import Registry
from model.redis_retrain import recent_labelled
from model.retrain import Maker
from producers.kafka_replay import replay

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """The test's topics, an empty Redis and a registry of its own."""
    open_redis(settings).flushall()
    return settings.model_copy(update={"mlflow": f"sqlite:///{tmp_path / 'mlflow.db'}"})


@contextmanager
def retrainers(settings: Settings, *instances: str) -> Iterator[None]:
    """Retraining workers as processes; at the end each is interrupted and ends in time."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")} | {
        "DRIFTLINE_KAFKA": settings.kafka or "",
        "DRIFTLINE_REDIS": settings.redis_url or "",
        "DRIFTLINE_MLFLOW": settings.mlflow or "",
        "DRIFTLINE_TOPIC_PREFIX": settings.topic_prefix,
        "DRIFTLINE_HOME": str(settings.home),
    }
    command = [sys.executable, "-m", "driftline.cli", "retrain"]
    workers = [subprocess.Popen(command, env=env | {"DRIFTLINE_INSTANCE": name}) for name in instances]
    try:
        yield
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(5) for worker in workers] == [130] * len(workers)


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
    return bool(groups[0]["lag"] == 0 and groups[0]["pending"] == 0)


def decisions(settings: Settings) -> list[ModelEvent]:
    events = [decode(ModelEvent, record.value) for record in read_all(settings, MODEL_EVENTS)]
    return [event for event in events if event.event == "decided"]


def test_the_first_champion_is_made_once_by_however_many(own: Settings) -> None:
    with retrainers(own, "a", "b"):
        wait_for(lambda: champion(own) is not None)
    assert champion(own) == "1"
    assert Registry(own.mlflow or "").versions() == ["1"]
    assert Registry(own.mlflow or "").champion() == "1"


def test_one_alert_leads_to_one_retraining_however_often_it_is_delivered(
    own: Settings, shifted_contacts: Contacts
) -> None:
    replay(own, "r", shifted_contacts, pace=lambda contact: contact)
    with retrainers(own, "a", "b"):
        wait_for(lambda: champion(own) == "1")
        deliver(own, *[alert("x")] * 5)
        wait_for(lambda: champion(own) == "2" and everything_acknowledged(own))
        deliver(own, alert("x"), alert("another, about the champion that has been replaced"))
        wait_for(lambda: everything_acknowledged(own))
    assert [(e.trigger, e.decision, e.champion, e.model_version) for e in decisions(own)] == [
        ("x", "promoted", "1", "2")
    ]
    assert Registry(own.mlflow or "").versions() == ["1", "2"]
    assert Registry(own.mlflow or "").champion() == "2"


def test_a_challenger_learns_nothing_from_before_the_drift_that_a_lagging_partition_brings_into_the_window(
    own: Settings, calm_contacts: Contacts
) -> None:
    replay(own, "r", calm_contacts, pace=lambda contact: contact)
    began = calm_contacts[len(calm_contacts) // 2][0].sent_at
    since = msgspec.structs.replace(alert("x"), started_at=began)
    assert [contact.id for contact, _ in recent_labelled(own, since)] == [
        contact.id for contact, _ in calm_contacts if contact.sent_at >= began
    ]


def test_a_retraining_that_was_killed_after_its_decision_is_completed_and_not_done_again(
    own: Settings, calm_contacts: Contacts
) -> None:
    registry = Registry(own.mlflow or "")
    bundle = Maker(seed=0, now=NOW).first_champion(calm_contacts).bundle
    first = registry.register(bundle, metrics={}, params={})
    registry.set_champion("1")
    challenger = registry.register(bundle, metrics={}, params={}, trigger="x")
    decided = ModelEvent(event="decided", model_version="2", at=NOW, trigger="x", decision="promoted", champion="1")
    publish(own, [registered_event(first), ModelEvent(event="champion", model_version="1", at=NOW)])
    publish(own, [registered_event(challenger), decided])
    deliver(own, alert("x"))
    with retrainers(own, "a"):
        wait_for(lambda: champion(own) == "2")
    assert decisions(own) == [decided]
    assert registry.champion() == "2"


def test_what_a_dead_retrainer_held_is_taken_up_by_its_successor(own: Settings, shifted_contacts: Contacts) -> None:
    replay(own, "r", shifted_contacts, pace=lambda contact: contact)
    redis = open_redis(own)
    deliver(own, alert("x"))
    redis.xgroup_create(ALERTS_STREAM, RETRAIN_GROUP, id="0")
    redis.xreadgroup(RETRAIN_GROUP, "a", {ALERTS_STREAM: ">"})
    redis.set(RETRAIN_LOCK, "the dead one's", px=3_000)
    with retrainers(own, "a"):
        wait_for(lambda: champion(own) == "2" and everything_acknowledged(own))
    assert len(decisions(own)) == 1


def test_without_enough_labels_the_challenger_stays_in_shadow(own: Settings, shifted_contacts: Contacts) -> None:
    replay(own, "r", shifted_contacts[:100], pace=lambda contact: contact)
    with retrainers(own, "a"):
        wait_for(lambda: champion(own) == "1")
        deliver(own, alert("x"))
        wait_for(lambda: bool(decisions(own)) and everything_acknowledged(own))
    assert decisions(own)[0].decision == "shadow"
    assert champion(own) == "1"


def test_a_retrainer_killed_while_it_makes_the_registry_leaves_nothing_that_stops_the_next(own: Settings) -> None:
    database = Path((own.mlflow or "").removeprefix("sqlite:///"))
    make = f"from model.mlflow_registry import Registry; Registry({own.mlflow!r})"
    with subprocess.Popen([sys.executable, "-c", make]) as process:
        wait_for(lambda: any(path.stat().st_size for path in database.parent.glob("mlflow.db*")))
        process.kill()
    assert not database.exists()
    assert Registry(own.mlflow or "").champion() is None
