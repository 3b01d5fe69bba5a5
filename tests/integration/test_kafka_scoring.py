"""The scoring worker on a real broker."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.kafka_scoring import TooManyMalformedError, run, scoring_model
from consumers.scoring import score_contacts
from driftline.counts import Counter
from driftline.events import Contact, DeadLetter, ModelEvent, Prediction, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, DEAD_LETTERS, PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import publish
from model.retrain import train_first_champion

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def champion(calm_contacts: Contacts) -> Bundle:
    return train_first_champion(calm_contacts, seed=0, now=NOW).with_version("1")


def make_champion(settings: Settings, bundle: Bundle) -> None:
    registered = ModelEvent(event="registered", model_version=bundle.version, at=NOW, bundle=bundle.to_bytes())
    publish(settings, [registered, ModelEvent(event="champion", model_version=bundle.version, at=NOW)])


def send(settings: Settings, values: list[bytes]) -> None:
    producer = open_producer(settings)
    for n, value in enumerate(values):
        producer.send(settings.topic(CONTACTS.name), key=str(n).encode(), value=value)
    producer.close()


def score_until(settings: Settings, done: Callable[[], bool]) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=run, args=(settings, print, stop))
    worker.start()
    deadline = time.monotonic() + 40
    while not done() and time.monotonic() < deadline:
        time.sleep(0.2)
    stop.set()
    worker.join(10)
    assert not worker.is_alive()


def all_events(settings: Settings, topic: Any) -> list[Any]:
    return [(record, decode(topic.event, record.value)) for record in read_all(settings, topic)]


def test_five_percent_malformed_become_dead_letters_and_the_rest_is_exact(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    values = [encode(contact) for contact, _ in calm_contacts[:1_000]]
    bad = {n: b'{"id": "x", "llm_quality": "\xc3\xa9' + str(n).encode() for n in range(0, 1_000, 20)}
    send(settings, [bad.get(n, value) for n, value in enumerate(values)])
    make_champion(settings, champion)
    counter = Counter(settings)
    score_until(settings, lambda: counter.lag() == 0)

    letters: list[DeadLetter] = [letter for _, letter in all_events(settings, DEAD_LETTERS)]
    sent = {(r.partition, r.offset): r.value for r in read_all(settings, CONTACTS)}
    assert sorted(letter.value or b"" for letter in letters) == sorted(bad.values())
    assert all(sent[letter.partition, letter.offset] == letter.value for letter in letters)
    assert all("JSON" in letter.reason for letter in letters)

    predictions: list[Prediction] = [prediction for _, prediction in all_events(settings, PREDICTIONS)]
    good = [contact for n, (contact, _) in enumerate(calm_contacts[:1_000]) if n not in bad]
    expected = {p.contact_id: p.score for p in score_contacts(good, [0] * len(good), scoring_model(champion))}
    assert {p.contact_id: p.score for p in predictions} == pytest.approx(expected)
    assert len(predictions) == len(good)


def test_predictions_stand_in_the_partition_and_order_of_their_contacts(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    send(settings, [encode(contact) for contact, _ in calm_contacts[:300]])
    make_champion(settings, champion)
    counter = Counter(settings)
    score_until(settings, lambda: counter.lag() == 0)
    contacts = {(r.partition, r.offset): decode(Contact, r.value).id for r in read_all(settings, CONTACTS)}
    found = all_events(settings, PREDICTIONS)
    assert {(r.partition, p.source_offset): p.contact_id for r, p in found} == contacts
    for partition in (0, 1):
        offsets = [p.source_offset for r, p in found if r.partition == partition]
        assert offsets == sorted(offsets)


def test_a_wrong_topic_stops_the_worker_with_a_clear_message(settings: Settings, champion: Bundle) -> None:
    send(settings, [b"<order/>"] * 1_000)
    make_champion(settings, champion)
    with pytest.raises(TooManyMalformedError, match="DRIFTLINE_TOPIC_PREFIX"):
        run(settings, print, threading.Event())
