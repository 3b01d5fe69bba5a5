"""Worker processes that are killed while contacts flow, and the books that must balance afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from driftline.counts import Counter, champion
from driftline.events import Alert, decode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import ALERTS, MODEL_EVENTS, PANES, PREDICTIONS, Topic
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS

CONTACTS = 20_000
ONSET = 8_000
WINDOW = 500


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

    def __enter__(self) -> "Workers":
        assert self.run("init").wait(120) == 0
        for name in ("score", "monitor", "retrain"):
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

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

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()


def events(settings: Settings, topic: Topic) -> list[tuple[Any, Any]]:
    return [(record, decode(topic.event, record.value)) for record in read_all(settings, topic)]


def replay_with_faults(settings: Settings, faults: Mapping[int, Callable[[], None]], seed: int) -> None:
    """Replay calm contacts, then drifted ones; ``faults`` happen when so many contacts have been sent."""
    pacer = Pacer(rate=600, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    contacts = SCENARIOS["sector_shift"].contacts(CONTACTS, seed=seed, onset=ONSET, start=datetime.now(UTC))

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


def check_everything_counted_once(settings: Settings, *, transactions: bool) -> None:
    """Every contact scored, and in the windows exactly once; no alert twice or early; one decision an alert."""
    places = Tally((record.partition, p.source_offset) for record, p in events(settings, PREDICTIONS))
    assert len(places) == CONTACTS
    if transactions:
        assert max(places.values()) == 1, "in transactions, no prediction is there twice"
    taken: dict[tuple[int, int, str], list[int]] = {}
    for _, pane in events(settings, PANES):
        # As the engine takes them: the first complete one of each, whatever is repeated.
        if pane.complete:
            taken.setdefault((pane.partition, pane.pane, pane.model_version), pane.offsets)
    for _, pane in events(settings, PANES):
        if not pane.complete:
            taken.setdefault((pane.partition, pane.pane, pane.model_version), pane.offsets)
    counted = Tally((partition, o) for (partition, _, _), offsets in taken.items() for o in offsets)
    assert counted == Tally(places.keys())
    alerts: list[Alert] = [alert for _, alert in events(settings, ALERTS)]
    changes = Tally((alert.id, alert.state, alert.level) for alert in alerts)
    assert alerts
    assert max(changes.values()) == 1
    # Contacts of the two partitions overtake each other while workers are away.
    assert min(alert.at_contact for alert in alerts) > ONSET - WINDOW
    decided = Tally(e.trigger for _, e in events(settings, MODEL_EVENTS) if e.event == "decided")
    assert decided
    assert max(decided.values()) == 1
