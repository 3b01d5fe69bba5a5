"""The loop on a real Apache Kafka: transactions, kill -9 of workers and of the broker."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftline.counts import Counter, champion
from driftline.events import Alert, ModelEvent, Pane, Prediction, decode
from driftline.kafka_clients import ensure_topics, has_transactions, read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import ALERTS, MODEL_EVENTS, PANES, PREDICTIONS, Topic
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS
from tests.kafka_server import KafkaServer, kafka_server

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]
CONTACTS = 20_000


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    folder = tmp_path / "kafka"
    folder.mkdir()
    with kafka_server(folder) as server:
        yield server


class Workers:
    """Worker processes that can be killed and are started again."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("DRIFTLINE_")} | {
            "DRIFTLINE_KAFKA": settings.kafka or "",
            "DRIFTLINE_REDIS": settings.redis_url or "",
            "DRIFTLINE_MLFLOW": f"sqlite:///{folder / 'mlflow.db'}",
            "DRIFTLINE_HOME": str(folder),
        }
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "driftline.cli", command], env=self.env, stdout=log, stderr=log
            )

    def start(self, name: str) -> None:
        self.processes[name] = self.run(name)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()


def events(settings: Settings, topic: Topic) -> list[tuple[object, object]]:
    return [(record, decode(topic.event, record.value)) for record in read_all(settings, topic)]


def test_kills_and_a_broker_restart_lose_nothing_and_count_nothing_twice(kafka: KafkaServer, tmp_path: Path) -> None:
    with LocalStack(Settings(home=tmp_path / "redis-only", _env_file=None), say=print) as stack:
        settings = stack.settings.model_copy(update={"kafka": kafka.address, "home": tmp_path})
        ensure_topics(settings)
        assert has_transactions(settings)
        workers = Workers(settings, tmp_path)
        try:
            assert workers.run("init").wait(90) == 0
            for name in ("score", "monitor", "retrain"):
                workers.start(name)
            replay_with_faults(settings, workers, kafka)
            wait_until_settled(settings, workers)
        finally:
            workers.stop()
        check_everything_counted_once(settings)


def replay_with_faults(settings: Settings, workers: Workers, kafka: KafkaServer) -> None:
    def restart(name: str) -> None:
        workers.kill(name)
        workers.start(name)

    def restart_broker() -> None:
        kafka.kill()
        kafka.start()

    faults = {
        3_000: lambda: restart("score"), 4_500: lambda: restart("monitor"), 7_000: lambda: restart("score"),
        9_000: restart_broker, 12_000: lambda: restart("retrain"), 13_000: lambda: restart("monitor"),
    }  # fmt: skip
    pacer = Pacer(rate=600, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    contacts = SCENARIOS["sector_shift"].contacts(CONTACTS, seed=5, onset=8_000, start=datetime.now(UTC))

    def progress(sent: int) -> None:
        if sent in faults:
            faults[sent]()

    replay(settings, "faults", contacts, pace=pacer, progress=progress)


def wait_until_settled(settings: Settings, workers: Workers) -> None:
    counter, deadline = Counter(settings), time.monotonic() + 120
    while time.monotonic() < deadline:
        for name, process in workers.processes.items():
            if process.poll() is not None:
                workers.start(name)
        if counter.read().settled and champion(settings) != "1":
            return
        time.sleep(1)
    raise AssertionError(f"not settled: {counter.read()}, champion {champion(settings)}")


def check_everything_counted_once(settings: Settings) -> None:
    predictions: list[tuple[object, Prediction]] = events(settings, PREDICTIONS)  # type: ignore[assignment]
    places = Tally((record.partition, p.source_offset) for record, p in predictions)  # type: ignore[attr-defined]
    assert len(places) == CONTACTS
    assert max(places.values()) == 1, "in transactions, no prediction is there twice"
    taken: dict[tuple[int, int, str], list[int]] = {}
    for _, pane in events(settings, PANES):
        assert isinstance(pane, Pane)
        key = (pane.partition, pane.pane, pane.model_version)
        if len(pane.offsets) >= len(taken.get(key, [])):
            taken[key] = pane.offsets
    counted = Tally((partition, o) for (partition, _, _), offsets in taken.items() for o in offsets)
    assert counted == places
    alerts = [a for _, a in events(settings, ALERTS) if isinstance(a, Alert)]
    changes = Tally((alert.id, alert.state, alert.level) for alert in alerts)
    assert alerts
    assert max(changes.values()) == 1
    assert min(alert.at_contact for alert in alerts) > 8_000 - 500
    decided = [e for _, e in events(settings, MODEL_EVENTS) if isinstance(e, ModelEvent) and e.event == "decided"]
    assert max(Tally(e.trigger for e in decided).values()) == 1
