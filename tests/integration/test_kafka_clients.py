"""What is asked of a broker as a whole, and the order in which a backlog is read."""

import os
import time
from pathlib import Path

import pytest

from driftline.kafka_clients import (
    SIDE_BY_SIDE,
    ensure_topics,
    last_record,
    open_consumer,
    open_producer,
    read_all,
)
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import ALERTS, CONTACTS


def test_a_backlog_is_read_side_by_side(settings: Settings) -> None:
    producer = open_producer(settings)
    for n in range(12_000):
        producer.send(settings.topic(CONTACTS.name), value=b"x" * 650, partition=n % 2)
        if n % 100 == 0:
            producer.flush()  # as a paced replay writes it: in many batches
    producer.close()
    consumer = open_consumer(settings, group="backlog", max_poll_records=500, **SIDE_BY_SIDE)
    consumer.subscribe([settings.topic(CONTACTS.name)])
    read, apart = {0: 0, 1: 0}, 0
    deadline = time.monotonic() + 40
    while sum(read.values()) < 12_000 and time.monotonic() < deadline:
        for partition, records in consumer.poll(timeout_ms=200).items():
            read[partition.partition] += len(records)
            apart = max(apart, abs(read[0] - read[1]))
    consumer.close()
    assert read == {0: 6_000, 1: 6_000}
    assert apart <= 1_000


@pytest.mark.skipif(
    os.environ.get("DRIFTLINE_TEST_BROKER") != "kafka",
    reason="the embedded broker takes its time over each join; make test-kafka",
)
def test_a_consumer_gets_its_partitions_however_short_its_polls_are(settings: Settings) -> None:
    for n in range(8):
        own = settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}{n}."})
        ensure_topics(own)
        consumer = open_consumer(own, group="short")
        consumer.subscribe([own.topic(CONTACTS.name)])
        deadline = time.monotonic() + 20
        while len(consumer.assignment()) < own.partitions and time.monotonic() < deadline:
            consumer.poll(timeout_ms=1)
        assert len(consumer.assignment()) == own.partitions
        consumer.close()


def test_a_contact_larger_than_a_fetch_gets_through(settings: Settings) -> None:
    producer = open_producer(settings)
    sizes = [100, 600_000, 100, 600_000]
    for size in sizes:
        producer.send(settings.topic(CONTACTS.name), value=b"x" * size, partition=0)
    producer.close()
    consumer = open_consumer(settings, group="large", **SIDE_BY_SIDE)
    consumer.subscribe([settings.topic(CONTACTS.name)])
    found: list[int] = []
    deadline = time.monotonic() + 40
    while len(found) < len(sizes) and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            found += [len(record.value) for record in records]
    consumer.close()
    assert found == sizes


def test_the_last_record_is_the_newest_and_none_where_there_is_none(settings: Settings) -> None:
    assert last_record(settings, ALERTS) is None
    for value in (b"old", b"older", b"newest"):
        producer = open_producer(settings)
        producer.send(settings.topic(ALERTS.name), value=value)
        producer.close()
    newest = last_record(settings, ALERTS)
    assert newest is not None
    assert newest.value == b"newest"


def test_reading_all_ends_at_what_is_there_and_begins_where_it_is_told(settings: Settings) -> None:
    producer = open_producer(settings)
    for n in range(300):
        producer.send(settings.topic(CONTACTS.name), value=str(n).encode(), partition=n % 2)
    producer.close()
    assert sorted(int(record.value) for record in read_all(settings, CONTACTS)) == list(range(300))
    later = read_all(settings, CONTACTS, start={0: 100, 1: 149})
    assert sorted(int(record.value) for record in later) == sorted([*range(200, 300, 2), 299])


@pytest.mark.parametrize("partly", [False, True])
def test_reading_all_ends_where_the_broker_has_been_started_again_without_its_records(
    tmp_path: Path, *, partly: bool
) -> None:
    with LocalStack(Settings.model_validate({"home": tmp_path}), say=print) as stack:
        send(stack.settings, 20)
        consumer = open_consumer(stack.settings, group="all", max_poll_records=1, **SIDE_BY_SIDE)
        records = read_all(stack.settings, CONTACTS, through=consumer)
        assert next(records).offset == 0
        kafka = stack.children["kafka"]
        assert kafka.process is not None
        kafka.process.kill()
        kafka.process.wait()
        kafka.start()
        ensure_topics(stack.settings)
        if partly:
            send(stack.settings, 2)
        rest = [record.offset for record in records]
        consumer.close()
    assert len(rest) < 19, rest


def send(settings: Settings, contacts: int) -> None:
    producer = open_producer(settings)
    for _ in range(contacts):
        producer.send(settings.topic(CONTACTS.name), value=b"x" * 50_000, partition=0)
        producer.flush()  # a batch each, of which few fit into a fetch
    producer.close()
