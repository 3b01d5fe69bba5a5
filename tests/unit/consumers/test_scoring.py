"""Contacts in, predictions and dead letters out."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from consumers.kafka_scoring import scoring_model
from consumers.scoring import MalformedShare, ScoringModel, read_records, score_contacts
from driftline.events import Contact, encode
from model.bundle import Bundle
from model.retrain import Made

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Record:
    """Of the contacts topic."""

    offset: int
    value: bytes | None
    topic: str = "contacts"
    partition: int = 1
    key: bytes | None = b"k"


class Always:
    """A graph of one score."""

    def __init__(self, score: float) -> None:
        self._score = score

    def score(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        return np.full(len(features), self._score)


@pytest.fixture(scope="module")
def bundle(made: Made) -> Bundle:
    return made.bundle.with_version("1")


def test_every_record_becomes_a_contact_with_its_offset_or_a_dead_letter(calm_contacts: Contacts) -> None:
    contacts = [contact for contact, _ in calm_contacts[:3]]
    values = [encode(contacts[0]), b"?", encode(contacts[1]), None, encode(contacts[2])]
    read = read_records([Record(10 + n, value) for n, value in enumerate(values)], NOW)
    assert read.contacts == contacts
    assert read.offsets == [10, 12, 14]
    assert [(letter.offset, letter.value, letter.partition) for letter in read.dead] == [(11, b"?", 1), (13, None, 1)]


def test_what_was_read_once_is_scored_by_each_model_under_its_own_version(
    calm_contacts: Contacts, bundle: Bundle
) -> None:
    read = read_records([Record(n, encode(contact)) for n, (contact, _) in enumerate(calm_contacts[:20])], NOW)
    for version, score in (("1", 0.25), ("2", 0.75)):
        predictions = score_contacts(
            read.contacts, read.offsets, ScoringModel(version, bundle.featuriser, Always(score))
        )
        assert [p.source_offset for p in predictions] == list(range(20))
        assert {(p.model_version, p.score) for p in predictions} == {(version, score)}


def test_a_graph_of_ours_with_a_featuriser_that_is_none_is_refused_before_it_meets_the_stream(bundle: Bundle) -> None:
    scoring_model(bundle)
    with pytest.raises(KeyError):
        scoring_model(replace(bundle, featuriser=replace(bundle.featuriser, rates={})))


@pytest.mark.parametrize("size", [1, 7, 400, 600, 999, 1_500])
def test_less_than_half_malformed_is_not_too_much_whatever_the_batches(size: int) -> None:
    share = MalformedShare()
    for _ in range(5):
        share.add(valid=size - int(0.45 * size), malformed=int(0.45 * size))
        assert not share.exceeded
    for _ in range(1_000 // size + 2):
        share.add(valid=size - round(0.55 * size), malformed=round(0.55 * size))
    assert share.exceeded
