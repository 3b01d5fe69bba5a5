"""A scoring worker beside a test: models and contacts for it, and what it makes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from consumers.kafka_scoring import run
from consumers.scoring import ScoringModel, score_contacts
from driftline.events import Contact, ModelEvent, Prediction, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, PREDICTIONS, SHADOW_PREDICTIONS, Topic
from model.bundle import Bundle
from model.kafka_models import champion_event, publish, registered_event
from model.onnx_export import linear_graph
from model.onnx_scorer import OnnxScorer
from tests.worker_thread import worker_thread

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def that_scores(bundle: Bundle, version: str, logit: float) -> Bundle:
    """The bundle with a graph that gives every contact the same score, so that a score tells who made it."""
    return replace(bundle, version=version, onnx=linear_graph(np.zeros(len(bundle.featuriser.features)), logit))


def make_champion(settings: Settings, bundle: Bundle) -> None:
    publish(settings, [registered_event(bundle), champion_event(bundle.version, None)])


def decided(version: str, decision: Any, trigger: str = "x") -> ModelEvent:
    return ModelEvent(event="decided", model_version=version, at=NOW, trigger=trigger, decision=decision)


def put_in_shadow(settings: Settings, bundle: Bundle) -> None:
    publish(settings, [registered_event(bundle), decided(bundle.version, "shadow")])


def send(settings: Settings, values: Iterable[bytes]) -> None:
    producer = open_producer(settings)
    for n, value in enumerate(values):
        producer.send(settings.topic(CONTACTS.name), key=str(n).encode(), value=value)
    producer.close()


def send_contacts(settings: Settings, contacts: Iterable[tuple[Contact, int]]) -> None:
    send(settings, [encode(contact) for contact, _ in contacts])


def send_predictions(
    settings: Settings, champion: Bundle, contacts: Sequence[tuple[Contact, int]], first: int = 0
) -> None:
    """As the scorer does, turn by turn onto two partitions; ``first`` have been sent before."""
    model = ScoringModel("1", champion.featuriser, OnnxScorer(champion.onnx, len(champion.featuriser.features)))
    producer = open_producer(settings)
    places = range(first, first + len(contacts))
    scored = score_contacts([contact for contact, _ in contacts], [place // 2 for place in places], model)
    for place, prediction in zip(places, scored, strict=True):
        key = prediction.contact_id.encode()
        producer.send(settings.topic(PREDICTIONS.name), key=key, value=encode(prediction), partition=place % 2)
    producer.close()


def all_events(settings: Settings, topic: Topic) -> list[Any]:
    return [(record, decode(topic.event, record.value)) for record in read_all(settings, topic)]


def scored(settings: Settings, topic: Topic) -> dict[tuple[int, int], Prediction]:
    """Predictions by the partition and the offset of their contact; none stands there twice."""
    found = all_events(settings, topic)
    places = {(record.partition, prediction.source_offset): prediction for record, prediction in found}
    assert len(places) == len(found)
    return places


def shadow_versions(settings: Settings) -> list[str]:
    return [prediction.model_version for _, prediction in all_events(settings, SHADOW_PREDICTIONS)]


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait longer than a lost request (30 s) and a transaction that nobody ends (60 s) can hold a worker up."""
    deadline = time.monotonic() + 100
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def scorer(settings: Settings) -> Iterator[list[str]]:
    """A scoring worker while the block runs; yields the lines that it says."""
    lines: list[str] = []
    with worker_thread(run, settings, lines):
        yield lines
