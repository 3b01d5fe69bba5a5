"""Replaying contacts onto the contacts topic, and their labels onto the labels topic.

Every record carries which replay and which position of it it is, so that a replay that was interrupted, even by
kill -9, resumes exactly: what stands on the topic is not sent again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice, starmap
from threading import Event as Flag

from kafka import KafkaProducer
from kafka.errors import KafkaError

from driftline.events import Contact, Label, encode
from driftline.kafka_clients import ensure_topics, open_producer
from driftline.kafka_sent import positions_on_topic, sent_header
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS
from producers.labelled import Labelled


@dataclass(frozen=True)
class ReplayResult:
    """What one replay put on the topics. ``skipped`` stood there already (``--resume``)."""

    contacts: int
    labels: int
    skipped: int


def replay_id(source: str) -> str:
    """A short name of one source and its options, the same on every run."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def replay(
    settings: Settings,
    name: str,
    contacts: Iterable[Labelled | tuple[Contact | bytes, int | None]],
    *,
    resume: bool = False,
    limit: int | None = None,
    labels_delay: int = 0,
    pace: Callable[[Contact], Contact],
    progress: Callable[[int], None] = lambda _: None,
    stop: Flag | None = None,
) -> ReplayResult:
    """Send contacts in order, each with its label ``labels_delay`` contacts later.

    What the source holds in place of a contact goes onto the topic too: the scorer makes a dead letter of it, with
    its reason, bytes and offset, so that nothing is lost.

    Args:
        name: see `replay_id`.
        pace: returns a contact, stamped, when its time has come.
        progress: told how many contacts have been dealt with so far.
        stop: ends the replay after the contact in hand.

    Raises:
        RuntimeError: the broker did not take everything; ``--resume`` sends the rest.
    """
    ensure_topics(settings)
    sent = _Sender(settings, name, resume)
    waiting: deque[tuple[int, Contact, int]] = deque()
    try:
        for position, (contact, engaged, _) in enumerate(starmap(Labelled, islice(contacts, limit))):
            if stop is not None and stop.is_set():
                break
            stamped = sent.contact(position, contact, pace)
            if isinstance(stamped, Contact) and engaged is not None:
                waiting.append((position, stamped, engaged))
            while waiting and waiting[0][0] <= position - labels_delay:
                sent.label(*waiting.popleft())
            progress(position + 1)
        if stop is None or not stop.is_set():
            for late in waiting:
                sent.label(*late)
        return sent.result()
    except KafkaError as fault:
        raise RuntimeError(
            f"the broker stopped taking contacts ({type(fault).__name__}): run the same command with --resume"
        ) from fault
    finally:
        sent.close()


class _Sender:
    """Sends what is not on the topics yet, and remembers what the broker still owes an answer for."""

    def __init__(self, settings: Settings, name: str, resume: bool) -> None:
        self._name = name
        self._contacts_there = positions_on_topic(settings, CONTACTS, name) if resume else set()
        self._labels_there = positions_on_topic(settings, LABELS, name) if resume else set()
        self._contacts_topic = settings.topic(CONTACTS.name)
        self._labels_topic = settings.topic(LABELS.name)
        self._producer: KafkaProducer = open_producer(settings)
        self._refused: list[Exception] = []
        self._counts = {"contacts": 0, "labels": 0, "skipped": 0}

    def contact(self, position: int, contact: Contact | bytes, pace: Callable[[Contact], Contact]) -> Contact | bytes:
        if position in self._contacts_there:
            self._counts["skipped"] += 1
            return contact
        if isinstance(contact, bytes):
            self._send(self._contacts_topic, position, None, contact)
        else:
            contact = pace(contact)
            self._send(self._contacts_topic, position, contact.id, encode(contact))
        self._counts["contacts"] += 1
        return contact

    def label(self, position: int, contact: Contact, engaged: int) -> None:
        if position not in self._labels_there:
            label = Label(contact_id=contact.id, engaged=engaged, labelled_at=contact.sent_at)
            self._send(self._labels_topic, position, contact.id, encode(label))
            self._counts["labels"] += 1

    def result(self) -> ReplayResult:
        self._producer.flush()
        if self._refused:
            raise self._refused[0]
        return ReplayResult(**self._counts)

    def close(self) -> None:
        self._producer.close(timeout=5)

    def _send(self, topic: str, position: int, key: str | None, value: bytes) -> None:
        headers = [sent_header(self._name, position)]
        name = None if key is None else key.encode()
        self._producer.send(topic, key=name, value=value, headers=headers).add_errback(self._refused.append)
