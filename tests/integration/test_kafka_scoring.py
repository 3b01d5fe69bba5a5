"""The scoring worker on a real broker."""

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from consumers.kafka_scoring import TooManyMalformedError, run, scoring_model
from consumers.scoring import score_contacts
from driftline.counts import Counter
from driftline.events import Contact, DeadLetter, Prediction, decode, encode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, DEAD_LETTERS, PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Made
from tests.scoring_workers import (
    all_events,
    make_champion,
    scored,
    scorer,
    send,
    send_contacts,
    that_scores,
    wait_until,
)

Contacts = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


def score_everything(settings: Settings) -> None:
    counter = Counter(settings)
    with scorer(settings):
        wait_until(lambda: counter.lag() == 0)


def test_five_percent_malformed_become_dead_letters_and_the_rest_is_exact(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    values = [encode(contact) for contact, _ in calm_contacts[:1_000]]
    bad = {n: b'{"id": "x", "llm_quality": "\xc3\xa9' + str(n).encode() for n in range(0, 1_000, 20)}
    send(settings, [bad.get(n, value) for n, value in enumerate(values)])
    make_champion(settings, champion)
    score_everything(settings)

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
    send_contacts(settings, calm_contacts[:300])
    make_champion(settings, champion)
    score_everything(settings)
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


@contextmanager
def contacts_flow(settings: Settings, contacts: Contacts) -> Iterator[None]:
    """Contacts by tens, over and over, while the block runs."""
    stop = threading.Event()

    def flow() -> None:
        for n in itertools.count():
            if stop.wait(0.02):
                return
            begin = n * 10 % len(contacts)
            send_contacts(settings, contacts[begin : begin + 10])

    producer = threading.Thread(target=flow)
    producer.start()
    try:
        yield
    finally:
        stop.set()
        producer.join(10)


@pytest.mark.parametrize("size", [4_500_000, 13_000_000])
def test_a_line_of_megabytes_is_set_aside_and_what_comes_after_it_is_scored(
    settings: Settings, calm_contacts: Contacts, champion: Bundle, size: int
) -> None:
    if size > 5_000_000 and os.environ.get("DRIFTLINE_TEST_BROKER") == "kafka":
        pytest.skip("that broker takes no more")
    values = [encode(contact) for contact, _ in calm_contacts[:100]]
    send(settings, [*values[:50], b"x" * size, *values[50:]])
    make_champion(settings, champion)
    score_everything(settings)
    assert len(scored(settings, PREDICTIONS)) == 100
    ((_, letter),) = all_events(settings, DEAD_LETTERS)
    assert letter.value == (b"x" * size if size < 10_000_000 else None)
    (found,) = [record for record in read_all(settings, CONTACTS) if len(record.value) == size]
    assert (letter.partition, letter.offset) == (found.partition, found.offset)


def scores_with(settings: Settings, version: str) -> bool:
    """Whether the newest prediction is of a version."""
    found: list[tuple[int, Prediction]] = [(r.timestamp, p) for r, p in all_events(settings, PREDICTIONS)]
    return max(found, key=lambda one: one[0])[1].model_version == version


def test_while_champions_are_swapped_every_contact_is_scored_once_by_the_one_of_its_time(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    logits = {"1": -2.0, "2": 0.0, "3": 2.0}
    swaps = ["1", "2", "1", "3", "2", "3", "1"]
    publish(settings, [registered_event(that_scores(champion, v, logit)) for v, logit in logits.items()])
    counter = Counter(settings)
    publish(settings, [champion_event(swaps[0], None)])
    with scorer(settings) as lines, contacts_flow(settings, calm_contacts):
        wait_until(lambda: bool(scored(settings, PREDICTIONS)))
        for version in swaps[1:]:
            publish(settings, [champion_event(version, None)])
            wait_until(partial(scores_with, settings, version))
    with scorer(settings):
        wait_until(lambda: counter.lag() == 0)

    found = scored(settings, PREDICTIONS)
    contacts = {(r.partition, r.offset): decode(Contact, r.value).id for r in read_all(settings, CONTACTS)}
    assert {place: prediction.contact_id for place, prediction in found.items()} == contacts
    scores = {version: 1 / (1 + np.exp(-logit)) for version, logit in logits.items()}
    assert all(p.score == pytest.approx(scores[p.model_version], rel=1e-6) for p in found.values())
    for partition in range(settings.partitions):
        versions = [p.model_version for place, p in sorted(found.items()) if place[0] == partition]
        remaining = iter(swaps)  # a swap may be over before a partition brings a contact, but none comes out of turn
        assert all(version in remaining for version, _ in itertools.groupby(versions))
    assert [line.split()[-1] for line in lines if line.startswith("champion is now")] == swaps[1:]


def test_a_version_deleted_from_the_registry_goes_on_scoring(
    settings: Settings, calm_contacts: Contacts, made: Made, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    from model.mlflow_registry import MODEL, Registry

    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    registered = Registry(address).register(made)
    make_champion(settings, registered)
    own = settings.model_copy(update={"mlflow": address})
    send_contacts(own, calm_contacts[:100])
    with scorer(own) as lines:
        wait_until(lambda: len(scored(own, PREDICTIONS)) == 100)
        MlflowClient(address).delete_model_version(MODEL, registered.version)
        send_contacts(own, calm_contacts[100:200])
        wait_until(lambda: len(scored(own, PREDICTIONS)) == 200)
    assert lines == ["scoring with version 1"]
    send_contacts(own, calm_contacts[200:300])
    score_everything(own)  # not even a start asks the registry
    assert {p.model_version for p in scored(own, PREDICTIONS).values()} == {"1"}
    assert len(scored(own, PREDICTIONS)) == 300
