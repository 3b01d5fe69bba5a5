"""Consume, score, publish: CPU per contact of the scoring worker, beside three clients that score nothing."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.timing import show
from consumers.kafka_scoring import ScoringWorker, scoring_model
from driftline.events import Contact, encode
from driftline.kafka_clients import BATCH_BYTES, SIDE_BY_SIDE, ensure_topics, open_consumer, open_producer
from driftline.local_stack import LocalStack
from driftline.prometheus_metrics import ScoreMetrics
from driftline.settings import Settings
from driftline.topics import CONTACTS, PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import KafkaModels, champion_event, publish, registered_event
from model.retrain import Maker
from producers.scenarios import SCENARIOS

N, REPEATS = 10_000, 5
FAUST = """
import sys, faust
broker, source, target, n = sys.argv[1:5]; seen = 0
app = faust.App("bench" + source, broker="kafka://" + broker, store="memory://", topic_disable_leader=True,
                web_enabled=False, broker_session_timeout=6, broker_heartbeat_interval=1, producer_linger=0.02,
                consumer_auto_offset_reset="earliest", stream_wait_empty=False)
raw = dict(key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")
out = app.topic(target, **raw)
@app.agent(app.topic(source, **raw))
async def each(stream):
    global seen
    async for value in stream:
        await out.send(value=value)
        seen += 1
        if seen == int(n):
            await app.producer.flush()
            import os, resource
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, flush=True)
            os._exit(0)
faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()
"""


def main() -> None:
    """10,000 contacts a repetition, on the embedded broker."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    contacts = list(SCENARIOS["no_drift_baseline"].contacts(N, seed=1, start=start))
    champion = Maker(seed=0, now=start).first_champion(contacts[:3_000]).bundle.with_version("1")
    loops: dict[str, Callable[[Settings], float]] = {
        "scoring worker (ours)": lambda settings: ours(settings, champion),
        "kafka-python, consume and produce alone": with_kafka_python,
        "aiokafka, consume and produce alone": with_aiokafka,
        "faust, one event at a time, no scoring": with_faust,
    }
    results: dict[str, list[float]] = {name: [] for name in loops}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"home": Path(folder)})
        with LocalStack(settings, say=lambda _: None) as stack:
            for repeat in range(REPEATS):
                own = stack.settings.model_copy(update={"topic_prefix": f"bench{repeat}."})
                ensure_topics(own)
                fill(own, contacts)
                for name, loop in loops.items():
                    results[name].append(loop(own))
    show(results)
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def fill(settings: Settings, contacts: list[tuple[Contact, int]]) -> None:
    producer = open_producer(settings)
    for contact, _ in contacts:
        producer.send(settings.topic(CONTACTS.name), key=contact.id.encode(), value=encode(contact))
    producer.close()


def cpu_per_contact(step: Callable[[], int]) -> float:
    """Microseconds, from the end of the first batch, which pays for the start, until all N contacts are through.

    Args:
        step: takes one batch through; returns how many contacts it held.
    """
    while not (first := step()):
        pass
    began, counted = time.process_time(), 0
    while first + counted < N:
        counted += step()
    return (time.process_time() - began) / counted * 1e6


def ours(settings: Settings, champion: Bundle) -> float:
    publish(settings, [registered_event(champion), champion_event("1", None)])
    stop = threading.Event()
    models = KafkaModels(settings, scoring_model, lambda _: None, stop)
    models.wait_for_champion()
    worker = ScoringWorker(settings, models, lambda _: None, ScoreMetrics())
    used = cpu_per_contact(worker.step)
    stop.set()
    worker.close()
    return used


def with_kafka_python(settings: Settings) -> float:
    """Consume, publish the same bytes, commit: with the worker's own settings, without its work."""
    consumer = open_consumer(
        settings, group="kafka-python", max_poll_records=settings.batch, fetch_max_wait_ms=50, **SIDE_BY_SIDE
    )
    consumer.subscribe([settings.topic(CONTACTS.name)])
    producer = open_producer(settings)
    target = settings.topic(PREDICTIONS.name)

    def step() -> int:
        batches = consumer.poll(timeout_ms=100).values()
        for record in chain.from_iterable(batches):
            producer.send(target, key=record.key, value=record.value, partition=record.partition)
        producer.flush()
        consumer.commit()
        return sum(map(len, batches))

    used = cpu_per_contact(step)
    consumer.close()
    producer.close()
    return used


def with_aiokafka(settings: Settings) -> float:
    """The same loop; not idempotent, since the embedded broker refuses aiokafka's request for a producer id."""
    source, target = settings.topic(CONTACTS.name), settings.topic(PREDICTIONS.name)
    common = {"bootstrap_servers": settings.kafka}
    fetching = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 50, **SIDE_BY_SIDE}
    sending = {"acks": "all", "linger_ms": 20, "max_batch_size": BATCH_BYTES, "max_request_size": 5_000_000}

    async def start() -> tuple[AIOKafkaConsumer, AIOKafkaProducer]:
        consumer = AIOKafkaConsumer(source, group_id="aiokafka", isolation_level="read_committed", **common, **fetching)
        producer = AIOKafkaProducer(**common, **sending)
        await consumer.start()
        await producer.start()
        return consumer, producer

    async def step() -> int:
        batches = (await consumer.getmany(timeout_ms=100, max_records=settings.batch)).values()
        for record in chain.from_iterable(batches):
            await producer.send(target, key=record.key, value=record.value, partition=record.partition)
        await producer.flush()
        await consumer.commit()
        return sum(map(len, batches))

    with asyncio.Runner() as runner:
        consumer, producer = runner.run(start())
        used = cpu_per_contact(lambda: runner.run(step()))
        runner.run(consumer.stop())
        runner.run(producer.stop())
    return used


def with_faust(settings: Settings) -> float:
    def run(n: int) -> float:
        command = [sys.executable, "-c", FAUST, settings.kafka or "", settings.topic(CONTACTS.name)]
        command += [settings.topic("dead-letters"), str(n)]
        done = subprocess.run(
            command, cwd=settings.home, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=True
        )
        return float(done.stdout.split("h")[-1])  # after the spinner's escape codes

    started = run(1)  # what starting costs; both runs use one group, the second goes on where the first stopped
    return max(0.0, run(N - 1) - started) / N * 1e6
