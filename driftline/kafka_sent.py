"""Who sent which record: each carries its sender's name and its position there.

So a sender that was interrupted, even by kill -9, finds out what stands on the topic already, and sends the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event as Flag
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from driftline.kafka_clients import open_consumer, partitions_of, true_end_offsets
from driftline.settings import Settings
from driftline.topics import Topic

HEADER = "replay"

# What a process had handed to its socket when it was killed may reach the topic after its successor has read it, and
# nothing fences it: a producer's idempotence ends with the producer, and only transactions would refuse the old one's
# records. Their markers take up offsets, though, by which contacts are counted and panes are cut. But a broker that
# answers takes what lies in its sockets within milliseconds, so the successor goes on reading until the broker has
# answered promptly, a fifth of a second apart, so often in a row, and nothing of this sender was among the answers.
QUIET_LOOKS = 6
LOOK_SECONDS = 0.2
STILL_SENDING_SECONDS = 15.0


def sent_header(name: str, position: int) -> tuple[str, bytes]:
    """The header of the record at ``position`` of the sender ``name``."""
    return HEADER, b"%b:%d" % (name.encode(), position)


def settled_positions(
    settings: Settings,
    topics: Sequence[Topic],
    wanted: Callable[[str], bool],
    stop: Flag,
    *,
    start: Mapping[int, int] | None = None,
) -> dict[str, dict[str, set[int]]]:
    """The positions that stand on the topics, by topic and sender, once nothing of a killed sender comes any more.

    Only committed records count.

    Args:
        wanted: of which senders.
        stop: ends the reading; what it has found until then is worth nothing.
        start: offsets to begin at by partition, of every topic (default: the beginning).

    Raises:
        RuntimeError: it does not end, because one of the senders is still sending.
    """
    found = _Positions(wanted)
    with_prefix = {settings.topic(topic.name): topic.name for topic in topics}
    consumer = open_consumer(settings)
    try:
        partitions = [partition for name in with_prefix for partition in partitions_of(consumer, name)]
        ends = true_end_offsets(consumer, partitions)
        for partition, begin in consumer.beginning_offsets(partitions).items():
            consumer.seek(partition, max(begin, (start or {}).get(partition.partition, 0)))
        while not stop.is_set() and any(consumer.position(partition) < ends[partition] for partition in partitions):
            _read_on(consumer, found)
        _wait_until_quiet(consumer, partitions, found, stop)
    finally:
        consumer.close()
    return {name: found.by_topic.get(full, {}) for full, name in with_prefix.items()}


def _wait_until_quiet(consumer: KafkaConsumer, partitions: list[TopicPartition], found: _Positions, stop: Flag) -> None:
    deadline, quiet = time.monotonic() + STILL_SENDING_SECONDS, 0
    while quiet < QUIET_LOOKS and not stop.is_set():
        asked = time.monotonic()
        consumer.end_offsets(partitions)
        answered_at = time.monotonic()
        news = _read_on(consumer, found)
        prompt = answered_at - asked < LOOK_SECONDS
        quiet = quiet + 1 if prompt and not news else 0
        if news and answered_at > deadline:
            raise RuntimeError("another process is still sending this replay: end it, then run this with --resume")


def _read_on(consumer: KafkaConsumer, found: _Positions) -> int:
    """Take what comes within a look; returns how many records of the senders were among it."""
    until, before = time.monotonic() + LOOK_SECONDS, found.count
    while (rest := until - time.monotonic()) > 0:
        for records in consumer.poll(timeout_ms=int(rest * 1_000) + 1).values():
            for record in records:
                found.add(record)
    return found.count - before


class _Positions:
    """Positions by topic and sender, of the senders that are wanted."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._of: dict[tuple[str, bytes], set[int] | None] = {}
        self.by_topic: dict[str, dict[str, set[int]]] = {}
        self.count = 0

    def add(self, record: Any) -> None:
        """Note whose record it is, if its sender says so in the header and is wanted."""
        for key, value in record.headers or ():
            if key == HEADER:
                name, _, position = value.rpartition(b":")
                try:
                    known = self._of[record.topic, name]
                except KeyError:
                    known = self._new(record.topic, name)
                if known is not None:
                    known.add(int(position))
                    self.count += 1

    def _new(self, topic: str, name: bytes) -> set[int] | None:
        text = name.decode("utf-8", "replace")
        of = self.by_topic.setdefault(topic, {}).setdefault(text, set()) if self._wanted(text) else None
        self._of[topic, name] = of
        return of
