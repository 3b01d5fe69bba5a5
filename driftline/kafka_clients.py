"""Every Kafka client Driftline opens with kafka-python, and the few things asked of a broker as a whole."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event as Flag
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from driftline.events import E, decode
from driftline.settings import Settings, SettingsError
from driftline.topics import LARGEST_MESSAGE, TOPICS, Topic

Say = Callable[[str], None]

__all__ = [
    "KafkaConsumer",
    "KafkaError",
    "connection",
    "discard",
    "ensure_topics",
    "has_transactions",
    "last_record",
    "open_consumer",
    "open_producer",
    "partitions_of",
    "read_all",
    "read_events",
    "tail",
    "true_end_offsets",
    "wait_for_kafka",
]

# A batch of 500 predictions fits; a second batch waiting makes kafka-python wake its sender for every record.
BATCH_BYTES = 900_000
SESSION_TIMEOUT_MS = 6_000  # joining a group takes half of it on the embedded broker
# Small fetches read partitions side by side. With large ones a worker that has fallen behind reads one partition to
# its end before the next, and the monitor's window jumps into the future and back. The embedded broker heeds the
# first, Apache Kafka both; either hands out a larger record all the same.
SIDE_BY_SIDE = {"fetch_max_bytes": 128 * 1024, "max_partition_fetch_bytes": 64 * 1024}
WRITE_TXN_MARKERS = 27  # the API a broker needs to end a transaction; the embedded one answers the rest of them

# kafka-python logs each failed connection attempt; ours says it once, in one line.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


def connection(settings: Settings) -> dict[str, Any]:
    """Bootstrap servers and security, as kafka-python takes them.

    Raises:
        SettingsError: no broker is named and no local stack is up.
    """
    if settings.kafka is None:
        raise SettingsError("no broker: set DRIFTLINE_KAFKA=host:port, or start a local stack with `driftline up`")
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "client_id": "driftline",
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_username is None or settings.kafka_password is None:
            raise SettingsError(
                f"DRIFTLINE_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs"
                " DRIFTLINE_KAFKA_USERNAME and DRIFTLINE_KAFKA_PASSWORD"
            )
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    if settings.kafka_security_protocol.endswith("SSL") and settings.kafka_ca_file is not None:
        options["ssl_cafile"] = str(settings.kafka_ca_file)
    return options


def wait_for_kafka(settings: Settings, say: Say, *, timeout: float | None = None, stop: Flag | None = None) -> None:
    """Return once the broker answers; say in one line what is being waited for.

    Raises:
        TimeoutError: it did not within ``timeout`` seconds (None waits for ever).
    """
    started, said = time.monotonic(), -10.0
    options = connection(settings)
    # kafka-python tells a refused password no other way than a broker that does not answer.
    secured = settings.kafka_security_protocol != "PLAINTEXT"
    hint = "; if it is up, check DRIFTLINE_KAFKA_USERNAME, _PASSWORD and _CA_FILE" if secured else ""
    while not (stop and stop.is_set()):
        try:
            KafkaAdminClient(**options, bootstrap_timeout_ms=2_000).close()
        except (KafkaError, OSError, ValueError) as fault:
            waited = time.monotonic() - started
            if timeout is not None and waited > timeout:
                raise TimeoutError(
                    f"no Kafka broker at {settings.kafka} after {timeout:.0f} s:"
                    f" start it, or set DRIFTLINE_KAFKA to where it is{hint}"
                ) from fault
            if waited - said >= 5:
                why = f"{waited:.0f} s, {type(fault).__name__}"
                say(f"waiting for Kafka at {settings.kafka} ({why}), trying again{hint}")
                said = waited
            time.sleep(0.25)
        else:
            return


def ensure_topics(settings: Settings) -> None:
    """Create the topics that are not there yet."""
    admin = KafkaAdminClient(**connection(settings))
    try:
        there = set(admin.list_topics())
        for topic in TOPICS:
            name = settings.topic(topic.name)
            if name in there:
                continue
            partitions = settings.partitions if topic.spread else 1
            try:
                admin.create_topics([NewTopic(name, partitions, -1, topic_configs=topic.configs())])
            except TopicAlreadyExistsError:
                continue  # another worker was quicker
    finally:
        admin.close()


def has_transactions(settings: Settings) -> bool:
    """Whether scoring runs in Kafka transactions: as the setting says, or if the broker can (``auto``)."""
    if settings.transactions != "auto":
        return settings.transactions == "on"
    admin = KafkaAdminClient(**connection(settings))
    try:
        return WRITE_TXN_MARKERS in {int(key) for key in admin.api_versions()}
    finally:
        admin.close()


def open_consumer(settings: Settings, *, group: str | None = None, **options: Any) -> KafkaConsumer:
    """A consumer that starts at the beginning, sees committed records only, and never commits by itself."""
    consumer = KafkaConsumer(
        **connection(settings),
        group_id=None if group is None else f"{settings.topic_prefix}{group}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=1_000,
        **{"fetch_max_wait_ms": 100, "max_poll_records": 5_000, "metrics_enabled": False} | options,
    )
    if group is not None:
        _wait_for_joins(consumer)
    return consumer


def _wait_for_joins(consumer: KafkaConsumer) -> None:
    """Keep a consumer from forgetting that it is joining its group.

    kafka-python 3.0.12 joins anew when a topic has got other partitions, as every new topic has once it is seen. A
    poll that ends meanwhile leaves the join under way, and the next one does not ask for it, since the partitions are
    then those that the join was for: the consumer stays without any, or keeps those that others have got. Java's asks
    whether a rejoin is needed "or pending".
    """
    coordinator = consumer._coordinator
    needed = coordinator.need_rejoin
    coordinator.need_rejoin = lambda: needed() or coordinator._join_task is not None


def open_producer(settings: Settings, *, transactional_id: str | None = None, **options: Any) -> KafkaProducer:
    """An idempotent producer, unless told otherwise: retries neither lose, repeat nor reorder."""
    return KafkaProducer(
        **connection(settings),
        acks="all",
        transactional_id=transactional_id,
        **{
            "enable_idempotence": True,
            "linger_ms": 20,
            "batch_size": BATCH_BYTES,
            "max_request_size": LARGEST_MESSAGE,
            "metrics_enabled": False,
        }
        | options,
    )


def discard(producer: KafkaProducer) -> None:
    """Let go of a producer without waiting for what it holds: that may still arrive, or not."""
    with suppress(KafkaTimeoutError):  # raised where it holds anything
        producer.close(timeout=0)


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, in order; empty when there is no such topic."""
    return [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]


def true_end_offsets(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition; moves the consumer's position.

    It is the high watermark of a fetch. What the embedded broker answers to ListOffsets(latest) is less where the last
    batch holds several records, and more where a batch came in before its topic was quite made: nobody can read that.
    """
    ends: dict[TopicPartition, int] = dict(consumer.end_offsets(partitions))
    behind = {partition for partition, end in ends.items() if end > 0}
    consumer.unsubscribe()  # a partition that stays assigned keeps its last high watermark
    consumer.assign(partitions)
    for partition, end in ends.items():
        consumer.seek(partition, max(0, end - 1))
    deadline = time.monotonic() + 10
    while behind and time.monotonic() < deadline:
        consumer.poll(timeout_ms=200, max_records=1)
        for partition in list(behind):
            mark = consumer.highwater(partition)
            if mark is not None:
                ends[partition] = mark
                behind.discard(partition)
    return ends


def read_all(
    settings: Settings, topic: Topic, *, start: dict[int, int] | None = None, through: KafkaConsumer | None = None
) -> Iterator[Any]:
    """Every record of a topic that is there now, in order within each partition; then it ends.

    It ends early where the topic is emptied meanwhile, as by an embedded broker that is started again.

    Args:
        start: offsets to begin at by partition (default: the beginning).
        through: a consumer to read with, for whoever reads often (default: one for this once).
    """
    consumer = open_consumer(settings) if through is None else through
    try:
        partitions = partitions_of(consumer, settings.topic(topic.name))
        ends = true_end_offsets(consumer, partitions) if partitions else {}
        begins = consumer.beginning_offsets(partitions) if partitions else {}
        todo = set()
        for partition in partitions:
            begin = max(begins[partition], (start or {}).get(partition.partition, 0))
            consumer.seek(partition, begin)
            if begin < ends[partition]:
                todo.add(partition)
        while todo:
            for partition, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record
            for partition in list(todo):
                mark = consumer.highwater(partition)
                end = ends[partition] if mark is None else min(ends[partition], mark)
                if consumer.position(partition) >= end:
                    todo.discard(partition)
    finally:
        if through is None:
            consumer.close()


def read_events(settings: Settings, topic: Topic, kind: type[E], *, start: dict[int, int] | None = None) -> Iterator[E]:
    """The events of a kind that are on a topic now. What is none is left out: its consumers make it a dead letter.

    Args:
        start: as `read_all`.
    """
    for record in read_all(settings, topic, start=start):
        try:
            event = decode(kind, record.value or b"")
        except ValueError:
            continue
        yield event


def last_record(settings: Settings, topic: Topic, *, through: KafkaConsumer | None = None) -> Any | None:
    """The newest record of a one-partition topic, None where it is empty.

    Args:
        through: as `read_all`.
    """
    consumer = open_consumer(settings) if through is None else through
    try:
        partitions = partitions_of(consumer, settings.topic(topic.name))
        start = {p.partition: end - 1 for p, end in true_end_offsets(consumer, partitions).items()}
        newest = deque(read_all(settings, topic, start=start, through=consumer), maxlen=1)
    finally:
        if through is None:
            consumer.close()
    return newest[0] if newest else None


def tail(settings: Settings, topic: Topic, stop: Flag, *, start: int | None = 0, wait_ms: int = 250) -> Iterator[Any]:
    """Records of a one-partition topic from ``start`` (None: only new ones; below 0: so many before the end) until
    ``stop`` is set.

    Yields None whenever there was nothing for ``wait_ms``, so that the caller can look around. A broker that
    goes away is waited for.
    """
    consumer = open_consumer(settings)
    try:
        partition = TopicPartition(settings.topic(topic.name), 0)
        if start is None or start < 0:
            start = max(0, true_end_offsets(consumer, [partition])[partition] + (start or 0))
        consumer.assign([partition])
        consumer.seek(partition, start)
        while not stop.is_set():
            records = consumer.poll(timeout_ms=wait_ms)
            if not records:
                yield None
            for batch in records.values():
                yield from batch
    finally:
        consumer.close()
