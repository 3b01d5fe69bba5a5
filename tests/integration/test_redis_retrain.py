"""The retraining worker on a real broker, Redis and MLflow: one alert, one retraining."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from driftline.cli import base_contacts
from driftline.counts import champion
from driftline.events import Alert, AlertReference, AlertWindow, Contact, Label, ModelEvent, Promise, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK, RETRAIN_PROGRESS, open_redis
from driftline.settings import Settings
from driftline.status import read_status
from driftline.topics import ALERTS, LABELS, MODEL_EVENTS
from model import redis_queue
from model.kafka_history import History
from model.kafka_labelled import newcomers
from model.kafka_models import champion_event, publish, registered_event
from model.mlflow_registry import Registry
from model.redis_retrain import run
from model.retrain import Made
from model.split import split
from producers.kafka_replay import replay
from tests.kafka_server import free_port

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """The test's topics, an empty Redis and a registry of its own."""
    open_redis(settings).flushall()
    return settings.model_copy(update={"mlflow": f"sqlite:///{tmp_path / 'mlflow.db'}"})


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


@pytest.fixture
def crowned(own: Settings, made: Made) -> Settings:
    """The same with a champion, so that no test waits for another first one to be trained."""
    registry = Registry(own.mlflow or "")
    first = registry.register(made)
    registry.set_champion("1", NOW)
    publish(own, [registered_event(first), champion_event("1", None)])
    return own


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
    base = base_contacts(settings)
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


def test_the_first_champion_is_made_once_by_however_many(own: Settings) -> None:
    with retrainers(own, "a", "b"):
        wait_for(lambda: champion(own) is not None)
    assert champion(own) == "1"
    assert Registry(own.mlflow or "").versions() == ["1"]
    assert Registry(own.mlflow or "").champion() == "1"


def test_one_alert_leads_to_one_retraining_however_often_it_is_delivered(
    crowned: Settings, shifted_contacts: Contacts
) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    with retraining(crowned, "a", "b"):
        deliver(crowned, *[alert("x")] * 5)
        wait_for(lambda: champion(crowned) == "2" and everything_acknowledged(crowned))
        deliver(crowned, alert("x"), alert("another, about the champion that has been replaced"))
        wait_for(lambda: everything_acknowledged(crowned))
    assert [(e.trigger, e.decision, e.champion, e.model_version) for e in decisions(crowned)] == [
        ("x", "promoted", "1", "2")
    ]
    assert Registry(crowned.mlflow or "").versions() == ["1", "2"]
    assert Registry(crowned.mlflow or "").champion() == "2"


def test_a_challenger_learns_nothing_from_before_the_drift_that_a_lagging_partition_brings_into_the_window(
    own: Settings, calm_contacts: Contacts
) -> None:
    replay(own, "r", calm_contacts, pace=lambda contact: contact)
    began = calm_contacts[len(calm_contacts) // 2][0].sent_at
    since = msgspec.structs.replace(alert("x"), started_at=began)
    assert [contact.id for contact, _ in newcomers(own, since, NOW)] == [
        contact.id for contact, _ in calm_contacts if contact.sent_at >= began
    ]


def test_an_alert_about_the_champions_whole_time_is_about_every_contact_since_it_was_made(
    own: Settings, calm_contacts: Contacts
) -> None:
    replay(own, "r", calm_contacts[:600], pace=lambda contact: contact)
    made_at = calm_contacts[200][0].sent_at
    rule = msgspec.structs.replace(alert("x"), kind="performance", started_at=calm_contacts[500][0].sent_at)
    assert [contact.id for contact, _ in newcomers(own, rule, made_at)] == [c.id for c, _ in calm_contacts[200:600]]


def test_what_is_no_label_and_labels_of_nobody_are_left_out_and_the_last_label_counts(
    own: Settings, calm_contacts: Contacts
) -> None:
    replay(own, "r", calm_contacts[:50], pace=lambda contact: contact)
    contact, engaged = calm_contacts[0]
    labels = [
        Label(contact_id="nobody", engaged=1, labelled_at=NOW),
        Label(contact_id=contact.id, engaged=1 - engaged, labelled_at=NOW),
    ]
    producer = open_producer(own)
    for value in (b"?", b"", *map(encode, labels)):
        producer.send(own.topic(LABELS.name), key=contact.id.encode(), value=value).get(10)
    producer.close()
    found = newcomers(own, alert("x"), NOW)
    assert len(found) == 50
    assert {c.id: label for c, label in found}[contact.id] == 1 - engaged


def test_a_retraining_that_was_killed_after_its_decision_is_completed_and_not_done_again(
    own: Settings, made: Made
) -> None:
    registry = Registry(own.mlflow or "")
    first = registry.register(made)
    registry.set_champion("1", NOW)
    challenger = registry.register(replace(made, report=replace(made.report, trigger="x")))
    decided = ModelEvent(event="decided", model_version="2", at=NOW, trigger="x", decision="promoted", champion="1")
    publish(own, [registered_event(first), ModelEvent(event="champion", model_version="1", at=NOW)])
    publish(own, [registered_event(challenger), decided])
    with retraining(own, "a"):
        wait_for(lambda: champion(own) == "2" and registry.champion() == "2")
        deliver(own, alert("x"))
        wait_for(lambda: everything_acknowledged(own))
    assert decisions(own) == [decided]
    assert registry.previous() == "1"


def test_what_a_dead_retrainer_held_is_taken_up_by_its_successor(crowned: Settings, shifted_contacts: Contacts) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    redis = open_redis(crowned)
    deliver(crowned, alert("x"))
    redis.xgroup_create(ALERTS_STREAM, RETRAIN_GROUP, id="0")
    redis.xreadgroup(RETRAIN_GROUP, "a", {ALERTS_STREAM: ">"})
    redis.set(RETRAIN_LOCK, "the dead one's", px=3_000)
    with retraining(crowned, "a"):
        wait_for(lambda: champion(crowned) == "2" and everything_acknowledged(crowned))
    assert len(decisions(crowned)) == 1


def test_without_enough_labels_a_challenger_stays_in_shadow_until_they_have_come(
    crowned: Settings, shifted_contacts: Contacts
) -> None:
    registry = Registry(crowned.mlflow or "")
    put_onto_alerts_topic(crowned, alert("x"))
    replay(crowned, "r", shifted_contacts[:100], pace=lambda contact: contact)
    with retraining(crowned, "a"):
        deliver(crowned, alert("x"))
        wait_for(lambda: bool(decisions(crowned)) and everything_acknowledged(crowned))
        assert [(e.decision, e.model_version) for e in decisions(crowned)] == [("shadow", "2")]
        assert (champion(crowned), registry.describe("2").aliases) == ("1", ("challenger",))
        replay(crowned, "r", shifted_contacts[:600], resume=True, pace=lambda contact: contact)
        wait_for(lambda: champion(crowned) == "2")
    assert [(e.trigger, e.decision, e.model_version) for e in decisions(crowned)] == [
        ("x", "shadow", "2"), ("x", "promoted", "2"),
    ]  # fmt: skip
    held_out = split([], shifted_contacts[:600]).newcomers_held_out
    assert decisions(crowned)[-1].labels == len(held_out)
    assert registry.load("2").engaged == tuple(engaged for _, engaged in held_out)
    assert registry.load("2").trained_on < 2_200
    assert registry.describe("2").decision == "promoted"


def test_a_newer_challenger_takes_the_place_of_one_in_shadow(crowned: Settings, shifted_contacts: Contacts) -> None:
    put_onto_alerts_topic(crowned, alert("x"), alert("y"))
    replay(crowned, "r", shifted_contacts[:100], pace=lambda contact: contact)
    with retraining(crowned, "a"):
        deliver(crowned, alert("x"), alert("y"))
        wait_for(lambda: len(decisions(crowned)) == 3 and everything_acknowledged(crowned))
    history = History.read(crowned)
    assert [(e.trigger, e.decision) for e in history.decisions.values()] == [("x", "rejected"), ("y", "shadow")]
    assert "version 3 was made before" in (history.decisions["x"].why or "")
    assert Registry(crowned.mlflow or "").describe("3").aliases == ("challenger",)


def test_an_alert_waits_for_the_cooldown_and_is_not_forgotten(
    crowned: Settings, calm_contacts: Contacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ModelEvent(
        event="decided", model_version="1", at=datetime.now(UTC), trigger="before", decision="rejected", champion="1"
    )
    publish(crowned, [before])
    replay(crowned, "r", calm_contacts[:100], pace=lambda contact: contact)
    monkeypatch.setattr(redis_queue, "CLAIM_AFTER_MS", 500)
    with retraining(crowned, "a", cooldown_seconds=6.0) as lines:
        deliver(crowned, alert("x"))
        wait_for(lambda: any("waits" in line for line in lines))
        assert [e.trigger for e in decisions(crowned)] == ["before"]
        wait_for(lambda: len(decisions(crowned)) == 2 and everything_acknowledged(crowned))
    assert sum("waits" in line for line in lines) == 1
    assert (decisions(crowned)[1].at - before.at).total_seconds() >= 6


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"retrain_seconds": 0.5}, "raise DRIFTLINE_RETRAIN_SECONDS"),
        ({"retrain_memory_mb": 256}, "raise DRIFTLINE_RETRAIN_MEMORY_MB"),
    ],
)
def test_a_training_over_its_limit_is_ended_and_the_champion_stays(
    crowned: Settings, shifted_contacts: Contacts, limits: dict[str, float], words: str
) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    deliver(crowned, alert("x"))
    with retraining(crowned, "a", **limits):
        wait_for(lambda: bool(decisions(crowned)) and everything_acknowledged(crowned))
    (decided,) = decisions(crowned)
    assert (decided.decision, decided.model_version, champion(crowned)) == ("rejected", "1", "1")
    assert words in (decided.why or "")
    assert Registry(crowned.mlflow or "").versions() == ["1"]


def test_progress_is_shown_while_it_lasts(crowned: Settings, shifted_contacts: Contacts) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    redis, steps, shown = open_redis(crowned), set[str](), list[dict[str, str] | None]()

    def seen() -> bool:
        step = redis.hget(RETRAIN_PROGRESS, "step")
        if isinstance(step, str) and step not in steps:
            steps.add(step)
            shown.append(read_status(crowned)["retraining"])
        return bool(decisions(crowned))

    with retraining(crowned, "a"):
        deliver(crowned, alert("x"))
        wait_for(seen)
        wait_for(lambda: read_status(crowned)["retraining"] is None)
    assert any(step.startswith("training on") for step in steps)
    assert any(shown), "no status said so"


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.long)])
def test_whenever_a_retrainer_is_killed_there_is_one_decision_and_no_half_a_champion(
    own: Settings, shifted_contacts: Contacts, kills: int
) -> None:
    registry = Registry(own.mlflow or "")
    replay(own, "r", shifted_contacts, pace=lambda contact: contact)
    deliver(own, alert("x"))
    rng = np.random.default_rng()
    for _ in range(kills):
        worker = subprocess.Popen(command(), env=environment(own) | {"DRIFTLINE_INSTANCE": "a"})
        try:
            worker.wait(float(rng.uniform(1.0, 8.0)))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        open_redis(own).delete(RETRAIN_LOCK)  # which outlives a killed holder for 15 seconds
        assert registry.champion() in (None, "1", "2")
        if champion(own) == "2":
            break
    with retrainers(own, "a"):
        wait_for(lambda: champion(own) == "2" and everything_acknowledged(own))
        wait_for(lambda: registry.champion() == "2")
    assert [(e.trigger, e.decision) for e in decisions(own)] == [("x", "promoted")]
    assert registry.versions() == ["1", "2"]
    assert registry.previous() == "1"


def test_a_registry_that_is_away_is_waited_for(own: Settings, tmp_path: Path) -> None:
    away = own.model_copy(update={"mlflow": f"http://127.0.0.1:{free_port()}"})
    log = tmp_path / "log"
    with log.open("wb") as out:
        worker = subprocess.Popen(command(), env=environment(away), stdout=out, stderr=out)
        wait_for(lambda: log.read_text().count("interrupted (RegistryError") >= 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 130
    assert "Traceback" not in log.read_text()
    assert champion(own) is None


def test_a_disk_without_room_is_waited_for_and_the_champion_stays(
    crowned: Settings, shifted_contacts: Contacts, tmp_path: Path
) -> None:
    replay(crowned, "r", shifted_contacts[:300], pace=lambda contact: contact)
    deliver(crowned, alert("x"))
    log = tmp_path / "log"
    small_files_only = ["bash", "-c", 'ulimit -f 20; exec "$0" "$@"']
    with log.open("wb") as out:
        env = environment(crowned) | {"DRIFTLINE_INSTANCE": "a"}
        worker = subprocess.Popen([*small_files_only, *command()], env=env, stdout=out, stderr=out)
        wait_for(lambda: "interrupted" in log.read_text())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 130
    assert "disk I/O error" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert (champion(crowned), decisions(crowned)) == ("1", [])
    with retrainers(crowned, "a"):
        wait_for(lambda: len(decisions(crowned)) == 1 and everything_acknowledged(crowned))


def test_a_champion_whose_artefacts_were_exchanged_is_refused_in_one_line(
    own: Settings, made: Made, tmp_path: Path
) -> None:
    registry = Registry(own.mlflow or "")
    registry.register(made)
    registry.set_champion("1", NOW)
    (graph,) = tmp_path.glob("mlartifacts/**/bundle/model.onnx")
    graph.write_bytes(graph.read_bytes()[::-1])
    done = subprocess.run(command(), env=environment(own), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not what was registered" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert champion(own) is None


def test_a_retrainer_killed_while_it_makes_the_registry_leaves_nothing_that_stops_the_next(own: Settings) -> None:
    database = Path((own.mlflow or "").removeprefix("sqlite:///"))
    make = f"from model.mlflow_registry import Registry; Registry({own.mlflow!r})"
    with subprocess.Popen([sys.executable, "-c", make]) as process:
        wait_for(lambda: any(database.parent.glob("mlflow.db*")))
        process.kill()
    assert not database.exists()
    assert Registry(own.mlflow or "").champion() is None
