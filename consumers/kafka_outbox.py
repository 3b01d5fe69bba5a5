"""From the spool onto the contacts topic: every contact once, whatever is killed.

Each record carries the spool's name and the contact's position (`driftline.kafka_sent`). After a start or a failure
the topic is asked which of the waiting positions stand there already, from the offsets on that the spool's progress
names, and only the others are sent. A record that a killed predecessor had handed to its socket may still be coming;
`settled_positions` waits for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event as Flag
from threading import Thread
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from consumers.spool import Batch, Spool
from driftline.kafka_clients import (
    discard,
    ensure_topics,
    open_consumer,
    open_producer,
    partitions_of,
    true_end_offsets,
    wait_for_kafka,
)
from driftline.kafka_sent import sent_header, settled_positions
from driftline.settings import Settings
from driftline.topics import CONTACTS
from driftline.workers import Stopped

Say = Callable[[str], None]
AT_A_TIME = 2_000
"""Contacts, or one request if it has more."""
LINGER = 0.05
"""Seconds in which contacts gather before they are sent: each sending holds up those who answer."""
TRIES_ONCE: dict[str, Any] = {
    "enable_idempotence": False, "retries": 0, "linger_ms": 0,
    "request_timeout_ms": 5_000, "delivery_timeout_ms": 10_000, "max_block_ms": 10_000,
}  # fmt: skip
"""What becomes of a record is asked of the topic, so the producer has nothing to remember of an earlier attempt; an
idempotent one would wait for ever for its id from a broker that was replaced, and could not be made to let go."""
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Refused(msgspec.Struct, frozen=True):
    """A contact that the broker takes in no way, as it is kept beside the spool."""

    position: int
    reason: str
    id: str
    value: bytes


class Outbox:
    """A thread that empties the spool, until it is closed."""

    def __init__(self, settings: Settings, spool: Spool, say: Say) -> None:
        self._settings = settings
        self._spool = spool
        self._say = say
        self._topic = settings.topic(CONTACTS.name)
        self._producer: KafkaProducer | None = None
        self._there: set[int] = set()
        self._reachable = False
        self._closing = Flag()
        self._patience = float("inf")
        self._thread = Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    @property
    def reachable(self) -> bool:
        """Whether the broker took what it was last given."""
        return self._reachable

    def close(self, seconds: float) -> None:
        """Send what waits, for so many seconds; the rest stays for the next start."""
        self._patience = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds + 1.0)

    @property
    def _done(self) -> bool:
        return self._closing.is_set() and (not self._spool.waiting or time.monotonic() > self._patience)

    def _run(self) -> None:
        while not self._done:
            try:
                if self._producer is None:
                    self._connect()
                if self._spool.wait(0.2):
                    self._closing.wait(LINGER)
                    self._send(self._spool.take(AT_A_TIME))
            except Stopped:
                break
            except Exception as fault:  # whatever a client or a disk comes up with, contacts are not to wait for ever
                self._say(
                    f"contacts wait for the topic ({self._spool.waiting:,}; {type(fault).__name__}), trying again"
                )
                self._disconnect()
                self._closing.wait(1.0)
        self._disconnect()

    def _connect(self) -> None:
        """Find out which of the contacts that wait stand on the topic."""
        wait_for_kafka(self._settings, self._say, stop=self._closing)
        if self._closing.is_set():
            raise Stopped
        ensure_topics(self._settings)
        ends = self._ends()
        start = ends
        if self._spool.waiting:
            # An offset past the end is of a topic that is no more: the embedded broker forgets.
            known = self._spool.progress.start
            start = {partition: min(known.get(partition, 0), end) for partition, end in ends.items()}
            self._there = self._on_topic(start)
        self._spool.starts_at(start)
        self._producer = open_producer(self._settings, **TRIES_ONCE)
        self._reachable = True

    def _on_topic(self, start: Mapping[int, int]) -> set[int]:
        name = self._spool.progress.name
        found = settled_positions(self._settings, (CONTACTS,), lambda other: other == name, self._closing, start=start)
        if self._closing.is_set():
            raise Stopped
        return found[CONTACTS.name].get(name, set())

    def _disconnect(self) -> None:
        self._reachable = False
        if self._producer is not None:
            discard(self._producer)
            self._producer = None

    def _ends(self) -> dict[int, int]:
        consumer = open_consumer(self._settings)
        try:
            ends = true_end_offsets(consumer, partitions_of(consumer, self._topic))
        finally:
            consumer.close()
        return {partition.partition: end for partition, end in ends.items()}

    def _send(self, batch: Batch) -> None:
        """Returns once the batch is on the topic and the spool knows.

        Raises:
            KafkaError: the broker did not take all of it, as far as can be told.
        """
        contacts = [
            (position, *contact)
            for frame in batch.frames
            for position, contact in enumerate(frame.contacts, frame.position)
            if position not in self._there
        ]
        sent = [(contact, self._hand_over(*contact)) for contact in contacts]
        self._flush()
        start = dict(self._spool.progress.start)
        for contact, future in sent:
            if isinstance(future, _TOO_LARGE):
                self._set_aside(contact, future)
            elif isinstance(future.exception, _TOO_LARGE):
                self._set_aside(contact, future.exception)
            elif future.exception is not None:
                raise future.exception
            else:
                start[future.value.partition] = future.value.offset + 1
        self._there = {position for position in self._there if position >= batch.end}
        self._spool.sent(batch, start)

    def _hand_over(self, position: int, key: str, value: bytes) -> Any:
        """A future of the record, or why there is none."""
        assert self._producer is not None
        headers = [sent_header(self._spool.progress.name, position)]
        try:
            return self._producer.send(self._topic, key=key.encode(), value=value, headers=headers)
        except _TOO_LARGE as fault:
            return fault

    def _flush(self) -> None:
        """Returns once every record has been taken or given up."""
        assert self._producer is not None
        while True:
            try:
                self._producer.flush(timeout=2)
            except KafkaTimeoutError:
                if self._done:
                    raise Stopped from None
                self._reachable = False
                self._say(f"the broker does not answer; {self._spool.waiting:,} contacts wait for it")
            else:
                self._reachable = True
                return

    def _set_aside(self, contact: tuple[int, str, bytes], reason: Exception) -> None:
        position, key, value = contact
        with (self._spool.folder / "refused.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(Refused(position, type(reason).__name__, key, value)) + b"\n")
        self._say(f"the broker refuses a contact ({type(reason).__name__}): it is kept in {file.name}")
