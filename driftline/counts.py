"""How many contacts came how far, read off the topics, so that it is true after any crash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from driftline.events import Alert, DeadLetter, LabelAccount, ModelEvent, MonitorState, Pane, decode, decode_folded
from driftline.kafka_clients import (
    KafkaConsumer,
    last_record,
    open_consumer,
    partitions_of,
    read_all,
    true_end_offsets,
)
from driftline.settings import Settings
from driftline.topics import ALERTS, CONTACTS, DEAD_LETTERS, MODEL_EVENTS, MONITOR_STATE, PANES

SCORER_GROUP = "scorer"


@dataclass(frozen=True)
class Counts:
    """Contacts on the topic, scored, counted in panes, and set aside."""

    replayed: int
    scored: int
    monitored: int
    dead_letters: int

    @property
    def settled(self) -> bool:
        """Everything replayed has been dealt with."""
        return self.replayed == self.scored + self.dead_letters and self.monitored == self.scored

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


class Counter:
    """Counts by reading each topic on from where the last call stopped.

    Args:
        through: a consumer of the scorer's group to read with, for whoever counts often (default: new ones each time).
    """

    def __init__(
        self, settings: Settings, scorer_group: str = SCORER_GROUP, through: KafkaConsumer | None = None
    ) -> None:
        self._settings = settings
        self._group = scorer_group
        self._through = through
        self._next: dict[str, dict[int, int]] = {PANES.name: {}, DEAD_LETTERS.name: {}}
        self._panes: dict[tuple[int, int, str], int] = {}
        self._dead: set[tuple[int, int]] = set()

    def read(self) -> Counts:
        """The counts now."""
        contacts = self._settings.topic(CONTACTS.name)
        for pane in panes(self._new(PANES)):
            key = (pane.partition, pane.pane, pane.model_version)
            self._panes[key] = max(pane.contacts, self._panes.get(key, 0))
        for record in self._new(DEAD_LETTERS):
            with suppress(ValueError):  # what is none was not written by a worker of ours
                letter = decode(DeadLetter, record.value or b"")
                if letter.topic == contacts:
                    self._dead.add((letter.partition, letter.offset))
        replayed, done = self._contacts(contacts)
        return Counts(replayed, done - len(self._dead), sum(self._panes.values()), len(self._dead))

    def lag(self) -> int:
        """Contacts on the topic that the scorer has not committed yet."""
        replayed, done = self._contacts(self._settings.topic(CONTACTS.name))
        return replayed - done

    def _contacts(self, topic: str) -> tuple[int, int]:
        """How many contacts stand on the topic, and how many of them the scorer has committed."""
        consumer = open_consumer(self._settings, group=self._group) if self._through is None else self._through
        try:
            partitions = partitions_of(consumer, topic)
            wait_ms = consumer.config["request_timeout_ms"]  # without one it asks for ever
            committed = {p: consumer.committed(p, timeout_ms=wait_ms) or 0 for p in partitions}
            ends = true_end_offsets(consumer, partitions)
        finally:
            if self._through is None:
                consumer.close()
        return sum(ends.values()), sum(min(committed[p], ends[p]) for p in partitions)

    def _new(self, topic: Any) -> Any:
        position = self._next[topic.name]
        for record in read_all(self._settings, topic, start=position, through=self._through):
            position[record.partition] = record.offset + 1
            yield record


def panes(records: Iterable[Any]) -> Iterator[Pane]:
    """The panes among the records of their topic; of what is none the monitor makes dead letters."""
    for record in records:
        with suppress(ValueError):
            event = decode_folded(record.value or b"")
            if isinstance(event, Pane):
                yield event


def champion(settings: Settings) -> str | None:
    """The version in use, from the model-events topic."""
    version = None
    for record in read_all(settings, MODEL_EVENTS):
        event = decode(ModelEvent, record.value)
        if event.event == "champion":
            version = event.model_version
    return version


def firing(settings: Settings) -> dict[str, Alert]:
    """The alerts that fire now, by id, from the alerts topic."""
    now: dict[str, Alert] = {}
    for record in read_all(settings, ALERTS):
        alert = decode(Alert, record.value)
        if alert.state == "firing":
            now[alert.id] = alert
        else:
            now.pop(alert.id, None)
    return now


def labels(settings: Settings, *, through: KafkaConsumer | None = None) -> LabelAccount:
    """What became of the labels, as the monitor last wrote it down; all zero before that."""
    record = last_record(settings, MONITOR_STATE, through=through)
    written = None if record is None else decode(MonitorState, record.value or b"").labels
    return written or LabelAccount()


def labels_line(account: LabelAccount) -> str:
    """The account of the labels for people, on one line; of what went wrong, only what did.

    >>> labels_line(LabelAccount(contacts=3_000, joined=1_234, median_delay_seconds=11_520.0, unknown=12))
    '1,234 joined (41% of contacts), median delay 3.2 h, 12 of unknown contacts'
    """
    share = f" ({1.0 - account.without_label:.0%} of contacts)" if account.contacts else ""
    told = [f"{account.joined:,} joined{share}"]
    if account.median_delay_seconds is not None:
        told.append(f"median delay {_duration(account.median_delay_seconds)}")
    odd = {
        "waiting for their contact": account.waiting,
        "of unknown contacts": account.unknown,
        "of an earlier model's contacts": account.former,
        "changed later": account.changed,
        "repeated": account.repeated,
        "dated before their contact": account.early,
        "given up": account.dropped_labels,
    }
    told += [f"{count:,} {what}" for what, count in odd.items() if count]
    return ", ".join(told)


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def monitored_before(settings: Settings, position: int) -> int:
    """How many contacts the monitor had counted when it came to the first one replayed as number ``position`` or later.

    It counts pane by pane, so with several partitions its order differs from that of the replay by some panes.
    """
    later = {
        (record.partition, record.offset)
        for record in read_all(settings, CONTACTS)
        if int(dict(record.headers)["replay"].rsplit(b":", 1)[1]) >= position
    }
    counted = 0
    taken: set[tuple[int, int, str]] = set()
    for pane in panes(read_all(settings, PANES)):
        key = (pane.partition, pane.pane, pane.model_version)
        if not pane.complete or key in taken:
            continue
        taken.add(key)
        for place, offset in enumerate(pane.offsets):
            if (pane.partition, offset) in later:
                return counted + place
        counted += pane.contacts
    return counted
