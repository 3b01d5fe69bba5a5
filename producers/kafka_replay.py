"""Replaying contacts onto the contacts topic, and their labels onto the labels topic.

Every record carries which replay and which position of it it is, so that a replay that was interrupted, even by
kill -9, resumes exactly: what stands on the topic is not sent again.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from threading import Event as Flag
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from driftline.events import Contact, Label, encode
from driftline.kafka_clients import ensure_topics, open_consumer, open_producer, partitions_of, true_end_offsets
from driftline.kafka_sent import sent_header, settled_positions
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS, LARGEST_INPUT
from producers.labelled import Labelled
from producers.replay import NO_TIME, Played, Step, play

Say = Callable[[str], None]

MOST_OWED = 10_000
"""Records that the broker has not acknowledged yet; kafka-python itself would take what does not fit into memory."""
STALLED_SECONDS = 2.0
"""When the oldest of them is older, no more are sent: their ``sent_at`` would be wrong by the time they arrive."""
PATIENCE_MS = 600_000
"""How long a broker may be away in the middle of a replay."""
LINGER_SECONDS = 0.02
SAY_EVERY = 3.0
STOP_SECONDS = 3.0
"""How long one that was interrupted waits for the broker's last answers."""
SHOWN = 5
"""Lines that are too large and are told of one by one."""
_NOWHERE: frozenset[int] = frozenset()


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
) -> Played:
    """Send the contacts of one source in the order given, each with its label ``labels_delay`` contacts later.

    Args:
        name: of this replay, the same whenever it is resumed.
        pace: returns a contact, stamped, when its time has come.
        progress: told how many contacts have been dealt with so far.
        stop: ends the replay after the contact in hand.

    Raises:
        RuntimeError: the broker did not take everything; ``--resume`` sends the rest.
    """
    ensure_topics(settings)
    stop = stop or Flag()
    there = settled_positions(settings, (CONTACTS, LABELS), lambda other: other == name, stop) if resume else None

    def steps() -> Iterator[Step]:
        for position, labelled in enumerate(islice(contacts, limit)):
            yield Step(NO_TIME, name, position, *Labelled(*labelled))
            progress(position + 1)

    played = Played()
    sender = KafkaSender(settings, there=there, stop=stop)
    try:
        play(steps(), sender, _AsGiven(pace), played, delay=labels_delay, stop=stop)
        sender.flush()
    finally:
        sender.close()
    return played


class _AsGiven:
    """A pace that knows no more than each contact, as a `producers.replay.Pace`."""

    def __init__(self, pace: Callable[[Contact], Contact]) -> None:
        self._pace = pace

    def at(self, index: int, time: float) -> float:
        return float(index)

    def stamped(self, contact: Contact, at: float) -> Contact:
        return self._pace(contact)

    def moment(self, at: float) -> datetime:
        return datetime.now(UTC)


class KafkaSender:
    """A `producers.replay.Sender` onto the topics, which knows at any time what the broker owes an answer for.

    Args:
        there: what stands there from before: positions by topic and by source.
        say: told in one line when the broker has gone away, when it is back, and what is too large for a topic.
        stop: ends the waiting for a broker that has gone away.

    Attributes:
        refused: contacts that were too large, and are left out.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        there: Mapping[str, Mapping[str, set[int]]] | None = None,
        say: Say = lambda _: None,
        stop: Flag,
    ) -> None:
        there = there or {}
        self._contacts_there = there.get(CONTACTS.name, {})
        self._labels_there = there.get(LABELS.name, {})
        self._settings = settings
        self._say = say
        self._stop = stop
        self._topics = settings.topic(CONTACTS.name), settings.topic(LABELS.name)
        self._producer: KafkaProducer = open_producer(settings, delivery_timeout_ms=PATIENCE_MS)
        self._partitions = {topic: len(self._producer.partitions_for(topic)) for topic in self._topics}
        self._last_key, self._last_partition = (b"", 0), 0
        self._owed: deque[tuple[Any, float]] = deque()
        self.refused = 0
        self._taken: dict[Any, int] = {}
        """The last offset that the broker has acknowledged, by partition."""

    @property
    def owed(self) -> int:
        """How many records the broker has not acknowledged."""
        return len(self._owed)

    def has_contact(self, source: str, position: int) -> bool:
        """As in `producers.replay.Sender`."""
        return position in self._contacts_there.get(source, _NOWHERE)

    def has_label(self, source: str, position: int) -> bool:
        """As in `producers.replay.Sender`."""
        return position in self._labels_there.get(source, _NOWHERE)

    def contact(self, source: str, position: int, contact: Contact | bytes) -> None:
        """As in `producers.replay.Sender`."""
        key, value = (None, contact) if isinstance(contact, bytes) else (contact.id.encode(), encode(contact))
        if len(value) > LARGEST_INPUT:
            self._leave_out(position, len(value))
        else:
            self._send(self._topics[0], source, position, key, value)

    def label(self, source: str, position: int, label: Label) -> None:
        """As in `producers.replay.Sender`."""
        self._send(self._topics[1], source, position, label.contact_id.encode(), encode(label))

    def flush(self) -> None:
        """Wait until the broker has acknowledged everything; when stopped, a few seconds at most.

        Raises:
            RuntimeError: it did not take everything.
        """
        with suppress(KafkaTimeoutError):  # what it does not take at once is waited for below
            self._producer.flush(timeout=LINGER_SECONDS)
        self._wait(lambda: bool(self._owed))
        deadline = time.monotonic() + STOP_SECONDS
        while self._owed and time.monotonic() < deadline:
            self._take_answers()
            time.sleep(0.01)

    def close(self) -> None:
        """Let go of the broker."""
        try:
            self._producer.close(timeout=1 if self._owed else 5)
        except KafkaError:
            # It is away. kafka-python would wait for it again, and complain, when the interpreter ends.
            self._producer._sender.force_close()
            with suppress(KafkaError):
                self._producer.close(timeout=1)

    def _send(self, topic: str, source: str, position: int, key: bytes | None, value: bytes) -> None:
        partition = self._partition(topic, position, key)
        headers = [sent_header(source, position)]
        try:
            future = self._producer.send(topic, value=value, key=key, headers=headers, partition=partition)
        except KafkaError as fault:
            raise _refused(fault) from fault
        now = time.monotonic()
        self._owed.append((future, now))
        self._take_answers()
        if len(self._owed) > MOST_OWED or (self._owed and now - self._owed[0][1] > STALLED_SECONDS):
            self._wait(self._behind)

    def _leave_out(self, position: int, size: int) -> None:
        """The broker would take neither it nor what comes after it. It is where it was read, and found there again."""
        self.refused += 1
        if self.refused <= SHOWN:
            self._say(
                f"contact {position + 1:,} is left out: it has {size:,} bytes, at most {LARGEST_INPUT:,} are sent"
            )

    def _partition(self, topic: str, position: int, key: bytes | None) -> int:
        """Worked out here, and once for a contact and its label: kafka-python takes a quarter of its time for it."""
        count = self._partitions[topic]
        if key is None:
            return position % count
        if (key, count) != self._last_key:
            self._last_key, self._last_partition = (key, count), partition_of(key, count)
        return self._last_partition

    def _take_answers(self) -> None:
        owed = self._owed
        while owed and owed[0][0].is_done:
            future = owed.popleft()[0]
            if future.exception is not None:
                self._check_the_topics()  # a broker that has lost them refuses what follows on them
                raise _refused(future.exception) from future.exception
            self._taken[future.value.topic_partition] = future.value.offset

    def _behind(self) -> bool:
        owed = self._owed
        return len(owed) > MOST_OWED // 2 or (bool(owed) and time.monotonic() - owed[0][1] > STALLED_SECONDS)

    def _wait(self, go_on: Callable[[], bool]) -> None:
        """Until the broker has answered for enough; a broker that is away is said, and what it has lost meanwhile."""
        began = said = time.monotonic()
        while not self._stop.is_set():
            self._take_answers()
            if not go_on():
                break
            time.sleep(0.002)
            if (now := time.monotonic()) - said > SAY_EVERY:
                said = now
                why = f"{now - began:.0f} s, {len(self._owed):,} records are not acknowledged"
                self._say(f"waiting for Kafka at {self._settings.kafka} ({why}); sending goes on when it is back")
                self._check_the_topics()
        if said > began and not self._stop.is_set():
            self._check_the_topics()
            self._say("Kafka is back, sending goes on")

    def _check_the_topics(self) -> None:
        """Raises RuntimeError where the broker answers, but what it had acknowledged is not there."""
        try:
            consumer = open_consumer(self._settings, bootstrap_timeout_ms=1_000)
        except (KafkaError, OSError, ValueError):
            return  # still away
        try:
            there = {p for topic in self._topics for p in partitions_of(consumer, topic)}
            ends = true_end_offsets(consumer, sorted(there)) if there else {}
        except KafkaError:
            return
        finally:
            consumer.close()
        if any(ends.get(partition, 0) <= offset for partition, offset in self._taken.items()):
            raise RuntimeError(
                f"Kafka at {self._settings.kafka} is back without its topics (the embedded broker keeps them in memory"
                " alone): what was sent before is gone; run the same command again, from the beginning"
            )


def _refused(fault: Exception) -> RuntimeError:
    return RuntimeError(
        f"the broker stopped taking contacts ({type(fault).__name__}): run the same command with --resume"
    )


def partition_of(key: bytes, partitions: int) -> int:
    """Where every Kafka client puts a record of this key: murmur2 of it, as in the Java client.

    >>> partition_of(b"21", 1_000), partition_of(b"foobar", 1_000)
    (340, 166)
    """
    size = len(key)
    found = 0x9747B28C ^ size
    for word in struct.unpack_from(f"<{size // 4}I", key):
        mixed = word * 0x5BD1E995 & 0xFFFFFFFF
        found = (found * 0x5BD1E995 & 0xFFFFFFFF) ^ ((mixed ^ mixed >> 24) * 0x5BD1E995 & 0xFFFFFFFF)
    if rest := key[size & ~3 :]:
        found = (found ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & 0xFFFFFFFF
    found = (found ^ found >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return ((found ^ found >> 15) & 0x7FFFFFFF) % partitions
