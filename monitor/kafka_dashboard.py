"""What the dashboard reads: three threads, and as many consumers however many people look on.

One follows the topics of few, small events; one counts contacts and looks at the newest predictions twice a second; one
looks at the parts and workers. Nothing is written anywhere, and of the predictions, which are many, only the ends of
the partitions are read.

A broker that goes away is waited for. The embedded one comes back without its topics; when they are made again their
ids are others, and the dashboard starts from nothing as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from driftline.counts import SCORER_GROUP, Counter, labels
from driftline.events import (
    Alert,
    DeadLetter,
    LabelAccount,
    ModelEvent,
    Prediction,
    WindowReport,
    decode,
)
from driftline.kafka_clients import KafkaError, connection, open_consumer, partitions_of, true_end_offsets
from driftline.settings import Settings
from driftline.status import read_parts, read_retraining, read_workers
from driftline.topics import ALERTS, DEAD_LETTERS, MODEL_EVENTS, PREDICTIONS, TOPICS, WINDOWS, Topic
from driftline.workers import mark_ready
from monitor.dashboard_document import Written
from monitor.dashboard_feed import Feed
from monitor.dashboard_state import MOMENTS, DashboardState, Looked, Tally

Say = Callable[[str], None]
FOLLOWED: tuple[Topic, ...] = (MODEL_EVENTS, ALERTS, DEAD_LETTERS, WINDOWS)
COUNT_SECONDS = 0.5
LOOK_SECONDS = 1.0
SAMPLE = 100
"""Newest predictions of each partition that are looked at."""
POLL_MS = 300
AT_ONCE_MS = 10
"""That a fetch may wait for records where one is only to see what is there."""
PATIENCE: dict[str, Any] = {"request_timeout_ms": 3_000, "bootstrap_timeout_ms": 2_000}
"""With a broker that does not answer: what waits for it has other things to tell meanwhile."""


class KafkaDashboard:
    """Keeps a feed up to date until ``stop`` is set.

    Attributes:
        fault: what ended it all, where that is nothing to wait for.
    """

    def __init__(self, settings: Settings, feed: Feed, say: Say, stop: Flag) -> None:
        self._settings, self._feed, self._say, self._stop = settings, feed, say, stop
        self._life: tuple[str, ...] | None = None
        self._trouble: str | None = None
        self.fault: Exception | None = None
        self._threads = [
            Thread(target=self._guarded, args=(body,), name=name, daemon=True)
            for name, body in (("follow", self._follow), ("count", self._count), ("look", self._look))
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait for their end, after ``stop`` has been set."""
        for thread in self._threads:
            thread.join(seconds)

    def _guarded(self, body: Callable[[], None]) -> None:
        """A page that is kept up to date by two of three would mislead: rather none, and a start anew."""
        try:
            body()
        except Exception as fault:
            self.fault = fault
            self._stop.set()

    # The events.

    def _follow(self) -> None:
        while not self._stop.is_set():
            life = self._life
            if life is None:  # the counting thread has not found the topics yet
                self._stop.wait(0.05)
                continue
            try:
                self._follow_topics(life)
            except (KafkaError, OSError):
                self._stop.wait(0.5)  # the counting thread says so

    def _follow_topics(self, life: tuple[str, ...]) -> None:
        consumer = open_consumer(self._settings, fetch_max_wait_ms=POLL_MS, **PATIENCE)
        kinds = {self._settings.topic(topic.name): topic for topic in FOLLOWED}
        try:
            places = [TopicPartition(name, 0) for name in kinds]
            begins = consumer.beginning_offsets(places)
            ends = consumer.end_offsets(places)
            self._feed.restart()
            consumer.assign(places)
            for place in places:
                newest = ends[place] - MOMENTS if kinds[place.topic] is WINDOWS else 0
                consumer.seek(place, max(begins[place], newest))
            while self._life == life and not self._stop.is_set():
                for place, records in consumer.poll(timeout_ms=POLL_MS).items():
                    for record in records:
                        self._take(kinds[place.topic], record)
        finally:
            consumer.close()

    def _take(self, topic: Topic, record: Any) -> None:
        """What is no event of its topic is nothing to show; whoever acts on it says so."""
        try:
            event = decode(topic.event, record.value or b"")
        except ValueError:
            return
        match event:
            case WindowReport():
                self._feed.update(lambda state: state.window_reported(event, _written(record)))
            case Alert():
                self._feed.update(lambda state: state.alerted(event))
            case ModelEvent():
                self._feed.update(lambda state: state.model_changed(event))
            case DeadLetter():
                self._feed.update(lambda state: state.set_aside(event))

    # The figures.

    def _count(self) -> None:
        while not self._stop.is_set():
            try:
                with _Figures(self._settings) as figures:
                    while not self._stop.is_set():
                        began = time.monotonic()
                        self._count_once(figures)
                        self._stop.wait(max(0.05, COUNT_SECONDS - (time.monotonic() - began)))
            except (KafkaError, OSError, _NoTopicsError) as fault:
                self._uncounted(fault, datetime.now(UTC))
                self._stop.wait(COUNT_SECONDS)

    def _count_once(self, figures: _Figures) -> None:
        life = figures.life()
        if life != self._life:
            figures.forget()
            self._life = life
            mark_ready(self._settings.home, "dashboard")
        tally, account = figures.tally(), figures.labels()
        newest, at = figures.newest_predictions(), datetime.now(UTC)
        self._feed.update(
            lambda state: (
                *state.counted(tally, at), *state.labelled(account), *state.sampled(newest), *state.troubled(None),
            )
        )  # fmt: skip
        if self._trouble is not None:
            self._say("Kafka answers again")
            self._trouble = None

    def _uncounted(self, fault: Exception, at: datetime) -> None:
        trouble = _why(self._settings, fault)
        if trouble != self._trouble:
            self._say(f"{trouble}, trying again")
            self._trouble = trouble
        self._feed.update(lambda state: (*state.counted(None, at), *state.troubled(trouble)))

    # The parts.

    def _look(self) -> None:
        while not self._stop.is_set():
            self._look_around()
            self._stop.wait(LOOK_SECONDS)

    def _look_around(self) -> None:
        parts = read_parts(self._settings)
        retraining = read_retraining(self._settings) if parts["redis"]["reachable"] else None
        looked = Looked(parts, read_workers(self._settings), retraining)
        self._feed.update(lambda state: state.looked_around(looked))


class _NoTopicsError(Exception):
    """The broker answers and has none of our topics."""


class _Figures:
    """What is asked of the broker again and again, through one consumer that stays open.

    It names the scorer's group, without joining it, to see what that has committed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = KafkaAdminClient(**connection(settings), **PATIENCE)
        try:
            self._consumer = open_consumer(settings, group=SCORER_GROUP, fetch_max_wait_ms=AT_ONCE_MS, **PATIENCE)
        except BaseException:
            self._admin.close()
            raise
        self.forget()

    def __enter__(self) -> _Figures:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()
        self._consumer.close()

    def forget(self) -> None:
        """Count from nothing."""
        self._counter = Counter(self._settings, through=self._consumer)
        self._newest: list[Written] = []
        self._ends: dict[TopicPartition, int] = {}

    def life(self) -> tuple[str, ...]:
        """What tells topics from others of the same names.

        Raises:
            _NoTopicsError: they are not there.
        """
        names = [self._settings.topic(topic.name) for topic in TOPICS]
        described = self._admin.describe_topics(names)
        if any(topic["error_code"] for topic in described):
            raise _NoTopicsError
        return tuple(str(topic.get("topic_id")) for topic in sorted(described, key=lambda topic: topic["name"]))

    def tally(self) -> Tally:
        """How far the contacts have come."""
        return Tally(**self._counter.read().as_dict())

    def labels(self) -> LabelAccount:
        """What became of the labels, as far as that can be read."""
        try:
            return labels(self._settings, through=self._consumer)
        except ValueError:
            return LabelAccount()

    def newest_predictions(self) -> list[Written]:
        """Of each partition the last `SAMPLE`."""
        consumer = self._consumer
        partitions = partitions_of(consumer, self._settings.topic(PREDICTIONS.name))
        ends = true_end_offsets(consumer, partitions)
        if ends != self._ends:
            self._newest = [
                Written(prediction, _written(record))
                for record in _last_records(consumer, ends)
                if (prediction := _prediction(record)) is not None
            ]
            self._ends = ends
        return self._newest


def _last_records(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> list[Any]:
    """Of each partition the last `SAMPLE` records, in any order."""
    for partition, end in ends.items():
        consumer.seek(partition, max(0, end - SAMPLE))
    todo = {partition for partition, end in ends.items() if end > 0}
    found: list[Any] = []
    deadline = time.monotonic() + 2
    while todo and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            found += records
        todo = {partition for partition in todo if consumer.position(partition) < ends[partition]}
    return found


def _prediction(record: Any) -> Prediction | None:
    try:
        return decode(Prediction, record.value or b"")
    except ValueError:
        return None


def _written(record: Any) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def _why(settings: Settings, fault: Exception) -> str:
    if isinstance(fault, _NoTopicsError):
        return f"Kafka at {settings.kafka} has no topics of Driftline yet: the first worker makes them"
    return f"Kafka at {settings.kafka} does not answer ({type(fault).__name__})"


def settings_part(settings: Settings) -> dict[str, Any]:
    """The settings that the page shows."""
    names = ("investigate_share", "alert_share", "window", "pane", "false_alarm_rate", "horizon", "label_horizon")
    return {name: getattr(settings, name) for name in names}


def new_state(settings: Settings) -> DashboardState:
    """Before anything has been read."""
    return DashboardState(settings_part(settings), trouble=f"waiting for Kafka at {settings.kafka}")
