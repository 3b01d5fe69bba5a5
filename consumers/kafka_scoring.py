"""The scoring worker: a kafka-python batch loop from contacts to predictions.

Offsets are committed only after the predictions are on the broker; where the broker has transactions, in the
same transaction. Without them a crash makes the worker send some predictions again: they carry their contact's
offset, so the monitor counts them once.

A challenger in shadow scores the same contacts onto a topic of its own. Whatever goes wrong with it, the champion's
predictions do not wait for it, and it is left aside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, ProducerFencedError
from kafka.structs import OffsetAndMetadata

from consumers.scoring import MalformedShare, Read, ScoringModel, read_records, score_contacts
from driftline.events import Contact, Prediction, encode
from driftline.kafka_clients import (
    SIDE_BY_SIDE,
    discard,
    ensure_topics,
    has_transactions,
    open_consumer,
    open_producer,
    wait_for_kafka,
)
from driftline.prometheus_metrics import ScoreMetrics
from driftline.settings import Settings
from driftline.topics import CONTACTS, DEAD_LETTERS, PREDICTIONS, SHADOW_PREDICTIONS
from driftline.workers import mark_ready
from model.bundle import Bundle
from model.kafka_models import KafkaModels
from model.onnx_scorer import OnnxScorer

GROUP = "scorer"
Say = Callable[[str], None]
Batches = dict[TopicPartition, list[Any]]
BLANK = Contact(id="blank", sent_at=datetime(2026, 1, 1, tzinfo=UTC))
"""A contact that nothing is known of: what a model that reads like one of ours has to score."""


@dataclass
class Published:
    """What of a batch went to the broker."""

    contacts: list[Contact] = field(default_factory=list)
    dead_letters: int = 0
    in_shadow: int = 0


class TooManyMalformedError(RuntimeError):
    """More than half of the recent input is no contact at all."""


def scoring_model(bundle: Bundle) -> ScoringModel:
    """Load, try out and warm up a bundle, so that swapping it in costs one assignment.

    Raises:
        ValueError: the graph is refused.
    """
    model = ScoringModel(bundle.version, bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
    score_contacts([BLANK], [-1], model)
    return model


def run(settings: Settings, say: Say, stop: Flag, metrics: ScoreMetrics | None = None) -> None:
    """Score until ``stop`` is set.

    Raises:
        TooManyMalformedError: more than half of the last 1,000 records were no contacts.
    """
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    models = KafkaModels(settings, scoring_model, say, stop, with_shadow=True)
    if models.wait_for_champion() is None:
        return
    worker = ScoringWorker(settings, models, say, metrics or ScoreMetrics())
    ready = False
    try:
        say(f"scoring with version {models.champion_version}")
        while not stop.is_set():
            worker.step()
            if not ready and worker.owns_partitions:
                ready = True
                mark_ready(settings.home, "score")
    finally:
        worker.close()


class ScoringWorker:
    """One consumer and one producer; `step` takes one batch all the way."""

    def __init__(self, settings: Settings, models: KafkaModels[ScoringModel], say: Say, metrics: ScoreMetrics) -> None:
        self._settings = settings
        self._models = models
        self._say = say
        self._metrics = metrics
        metrics.model.now = lambda: models.champion_version
        self._behind: dict[TopicPartition, int] = {}
        self._malformed = MalformedShare()
        self._failed_shadow: ScoringModel | None = None
        self._predictions = settings.topic(PREDICTIONS.name)
        self._shadow_predictions = settings.topic(SHADOW_PREDICTIONS.name)
        self._dead_letters = settings.topic(DEAD_LETTERS.name)
        self._transactional = has_transactions(settings)
        # Opened before the group is joined: it ends what a killed predecessor of the same name left open.
        self._producer = self._open_producer()
        self._consumer: KafkaConsumer = open_consumer(
            settings, group=GROUP, max_poll_records=settings.batch, fetch_max_wait_ms=50, **SIDE_BY_SIDE
        )
        self._consumer.subscribe([settings.topic(CONTACTS.name)])

    @property
    def owns_partitions(self) -> bool:
        """Whether the group has given this worker its partitions."""
        return bool(self._consumer.assignment())

    def step(self) -> int:
        """Poll, score, publish, commit. Returns how many records were taken."""
        batches: Batches = self._consumer.poll(timeout_ms=100)
        if not batches:
            return 0
        began = time.perf_counter()
        model = self._models.champion
        assert model is not None  # waited for before the first step, never withdrawn
        try:
            if self._transactional:
                published = self._in_transaction(batches, model)
            else:
                published = self._acknowledged(batches, model)
        except ProducerFencedError:
            raise RuntimeError(
                f"another scorer runs as instance {self._settings.instance}: give this one another DRIFTLINE_INSTANCE"
            ) from None
        except KafkaError as fault:
            self._say(f"a batch did not get through ({type(fault).__name__}), scoring what of it is still ours again")
            self._metrics.failures.inc()
            self._rewind(batches)
        else:
            self._metrics.batch.observe(time.perf_counter() - began)
            self._measure(published, batches)
        return sum(map(len, batches.values()))

    def close(self) -> None:
        """Leave the group at once, so that others take over without waiting."""
        self._consumer.close()
        self._producer.close(timeout=2)

    def _acknowledged(self, batches: Batches, model: ScoringModel) -> Published:
        published = self._publish(batches, model)
        self._consumer.commit(_next_offsets(batches))
        return published

    def _in_transaction(self, batches: Batches, model: ScoringModel) -> Published:
        self._producer.begin_transaction()
        published = self._publish(batches, model)
        self._producer.send_offsets_to_transaction(_next_offsets(batches), self._consumer.group_metadata())
        self._producer.commit_transaction()
        return published

    def _publish(self, batches: Batches, model: ScoringModel) -> Published:
        now = datetime.now(UTC)
        shadow = self._models.shadow
        if shadow is self._failed_shadow:
            shadow = None
        sent, aside, found = [], [], Published()
        for source, records in batches.items():
            read = read_records(records, now)
            self._count(read)
            sent += self._send(self._predictions, source, score_contacts(read.contacts, read.offsets, model))
            sent += [self._producer.send(self._dead_letters, key=one.key, value=encode(one)) for one in read.dead]
            found.contacts += read.contacts
            found.dead_letters += len(read.dead)
            if shadow is not None:
                aside += self._send_aside(source, read, shadow)
        self._producer.flush()
        if (fault := _failure(sent)) is not None:
            raise fault
        if shadow is not None and (fault := _failure(aside)) is not None:
            self._leave_aside(shadow, fault)
            if self._transactional:  # which has failed as a whole, and is done again without the shadow
                raise fault
        elif shadow is not None and shadow is not self._failed_shadow:
            found.in_shadow = len(aside)
        return found

    def _measure(self, published: Published, batches: Batches) -> None:
        """What Prometheus is told of a batch that is through."""
        self._metrics.scored(
            [contact.sent_at for contact in published.contacts], datetime.now(UTC),
            dead_letters=published.dead_letters, in_shadow=published.in_shadow,
        )  # fmt: skip
        owned = self._consumer.assignment()
        for source, records in batches.items():
            if source in owned and (end := self._consumer.highwater(source)) is not None:
                self._behind[source] = end - records[-1].offset - 1
        self._behind = {source: behind for source, behind in self._behind.items() if source in owned}
        self._metrics.lag.set(sum(self._behind.values()))

    def _send(self, topic: str, source: TopicPartition, predictions: list[Prediction]) -> list[Any]:
        send = self._producer.send
        return [
            send(topic, key=one.contact_id.encode(), value=encode(one), partition=source.partition)
            for one in predictions
        ]

    def _send_aside(self, source: TopicPartition, read: Read, shadow: ScoringModel) -> list[Any]:
        if shadow is self._failed_shadow:
            return []
        try:
            predictions = score_contacts(read.contacts, read.offsets, shadow)
            return self._send(self._shadow_predictions, source, predictions)
        except Exception as fault:  # whatever it is, the champion's predictions do not wait for it
            self._leave_aside(shadow, fault)
            return []

    def _leave_aside(self, shadow: ScoringModel, fault: Exception) -> None:
        self._failed_shadow = shadow
        self._say(f"version {shadow.version} scores in shadow no more ({type(fault).__name__})")

    def _count(self, read: Read) -> None:
        self._malformed.add(valid=len(read.contacts), malformed=len(read.dead))
        if self._malformed.exceeded:
            reason = read.dead[-1].reason if read.dead else ""
            raise TooManyMalformedError(
                f"more than half of the last 1,000 records of {self._settings.topic(CONTACTS.name)} are no contacts"
                f" (the last one: {reason}): is DRIFTLINE_TOPIC_PREFIX right, and does the producer write contacts?"
            )

    def _rewind(self, batches: Batches) -> None:
        if self._transactional:
            # A producer whose transaction failed may be beyond repair; a new one of the same name aborts it.
            discard(self._producer)
            self._producer = self._open_producer()
        for source, records in batches.items():
            if source in self._consumer.assignment():
                self._consumer.seek(source, records[0].offset)

    def _open_producer(self) -> KafkaProducer:
        if not self._transactional:
            return open_producer(self._settings)
        producer = open_producer(
            self._settings,
            transactional_id=f"{self._settings.topic_prefix}scorer-{self._settings.instance}",
            transaction_timeout_ms=10_000,
        )
        producer.init_transactions()
        return producer


def _failure(sent: list[Any]) -> Exception | None:
    return next((one.exception for one in sent if one.exception is not None), None)


def _next_offsets(batches: Batches) -> dict[TopicPartition, OffsetAndMetadata]:
    return {source: OffsetAndMetadata(records[-1].offset + 1, "", -1) for source, records in batches.items()}
