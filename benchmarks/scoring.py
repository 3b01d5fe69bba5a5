"""Consume, score, publish: CPU per contact of the scoring worker, beside a loop that scores nothing, and Faust."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.timing import show
from consumers.kafka_scoring import ScoringWorker, scoring_model
from driftline.events import Contact, encode
from driftline.kafka_clients import ensure_topics, open_consumer, open_producer
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import CONTACTS, PREDICTIONS
from model.kafka_models import KafkaModels, champion_event, publish, registered_event
from model.retrain import train_first_champion
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
    contacts = list(SCENARIOS["no_drift_baseline"].contacts(N, seed=1, start=datetime(2026, 1, 1, tzinfo=UTC)))
    results: dict[str, list[float]] = {"scoring worker (ours)": [], "kafka-python, consume and produce alone": []}
    results["faust, one event at a time, no scoring"] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"home": Path(folder)})
        with LocalStack(settings, say=lambda _: None) as stack:
            for repeat in range(REPEATS):
                own = stack.settings.model_copy(update={"topic_prefix": f"bench{repeat}."})
                ensure_topics(own)
                fill(own, contacts)
                results["scoring worker (ours)"].append(ours(own, contacts))
                results["kafka-python, consume and produce alone"].append(bare(own))
                results["faust, one event at a time, no scoring"].append(faust(own, folder))
    show(results)
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def fill(settings: Settings, contacts: list[tuple[Contact, int]]) -> None:
    producer = open_producer(settings)
    for contact, _ in contacts:
        producer.send(settings.topic(CONTACTS.name), key=contact.id.encode(), value=encode(contact))
    producer.close()


def ours(settings: Settings, contacts: list[tuple[Contact, int]]) -> float:
    champion = train_first_champion(contacts[:3_000], seed=0, now=datetime(2026, 1, 1, tzinfo=UTC)).with_version("1")
    publish(settings, [registered_event(champion), champion_event("1", None)])
    stop = threading.Event()
    models = KafkaModels(settings, scoring_model, lambda _: None, stop)
    models.wait_for_champion()
    worker = ScoringWorker(settings, models, lambda _: None)
    while not (done := worker.step()):
        pass
    began, counted = time.process_time(), 0
    while done + counted < N:
        counted += worker.step()
    used = time.process_time() - began
    stop.set()
    worker.close()
    return used / counted * 1e6


def bare(settings: Settings) -> float:
    consumer = open_consumer(settings, group="bare", max_poll_records=500, fetch_max_wait_ms=50)
    consumer.subscribe([settings.topic(CONTACTS.name)])
    producer = open_producer(settings)
    target, done, began = settings.topic(PREDICTIONS.name), 0, 0.0
    skipped = 0
    while done + skipped < N:
        for batch in consumer.poll(timeout_ms=100).values():
            if not skipped:
                skipped, began = len(batch), time.process_time()
                continue
            for record in batch:
                producer.send(target, key=record.key, value=record.value, partition=record.partition)
            producer.flush()
            consumer.commit()
            done += len(batch)
    used = time.process_time() - began
    consumer.close()
    producer.close()
    return used / max(1, done) * 1e6


def faust(settings: Settings, folder: str) -> float:
    def run(n: int) -> float:
        command = [sys.executable, "-c", FAUST, settings.kafka or "", settings.topic(CONTACTS.name)]
        command += [settings.topic("dead-letters"), str(n)]
        done = subprocess.run(
            command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=True
        )
        return float(done.stdout.split("h")[-1])  # after the spinner's escape codes

    started = run(1)  # what starting costs; both runs use one group, the second goes on where the first stopped
    return max(0.0, run(N - 1) - started) / N * 1e6
