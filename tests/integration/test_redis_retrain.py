"""The retraining worker on a real broker, Redis and MLflow: one alert, one retraining."""

from datetime import UTC, datetime

import msgspec
import pytest

from driftline.counts import champion
from driftline.events import Label, ModelEvent, encode
from driftline.kafka_clients import open_producer
from driftline.redis_client import RETRAIN_PROGRESS, open_redis
from driftline.settings import Settings
from driftline.status import read_status
from driftline.topics import LABELS
from model import redis_queue
from model.kafka_history import History
from model.kafka_labelled import newcomers
from model.kafka_models import publish
from model.mlflow_registry import Registry
from model.split import split
from producers.kafka_replay import replay
from tests.retraining_workers import (
    NOW,
    Contacts,
    alert,
    decisions,
    deliver,
    everything_acknowledged,
    put_onto_alerts_topic,
    retrainers,
    retraining,
    wait_for,
)


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


def test_no_model_is_made_for_an_alert_that_is_over_before_its_turn_comes(
    crowned: Settings, shifted_contacts: Contacts
) -> None:
    replay(crowned, "r", shifted_contacts[:100], pace=lambda contact: contact)
    put_onto_alerts_topic(crowned, alert("x"), msgspec.structs.replace(alert("x"), state="resolved", resolved_at=NOW))
    with retraining(crowned, "a") as lines:
        deliver(crowned, alert("x"))
        wait_for(lambda: everything_acknowledged(crowned))
    assert any("alert x was over before its turn came" in line for line in lines)
    assert decisions(crowned) == []


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
