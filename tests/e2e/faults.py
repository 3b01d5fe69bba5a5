"""Worker processes that are killed while contacts flow, and the books that must balance afterwards.

One record in twenty is malformed, so panes have holes, and everything is counted beside dead letters.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from driftline.counts import Counter, champion, panes
from driftline.events import Alert, Pane, decode
from driftline.kafka_clients import read_all
from driftline.local_stack import LocalStack
from driftline.redis_client import ALERTS_STREAM, open_redis
from driftline.settings import Settings
from driftline.topics import ALERTS, CONTACTS, DEAD_LETTERS, MODEL_EVENTS, PANES, PREDICTIONS, Topic
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS

RECORDS = 20_000
ONSET = 8_000
MALFORMED = range(0, RECORDS, 20)
REPLAY = "faults"
WORKERS = ("score", "monitor", "retrain")
"""The API has kills of its own, in tests/integration/test_kafka_outbox.py."""


class Workers:
    """Worker processes that can be killed and are started again; ``score-2`` is a second scorer."""

    def __init__(self, settings: Settings, folder: Path, names: Sequence[str] = WORKERS) -> None:
        self.names = names
        told = {k: v for k, v in os.environ.items() if not k.startswith("DRIFTLINE_")} | settings.to_environment()
        # Only drift is to lead to an alert: 500 new labels come without any.
        own = {"DRIFTLINE_HOME": str(folder), "DRIFTLINE_NEW_LABELS": "0"}
        self.env = told | {"DRIFTLINE_MLFLOW": f"sqlite:///{folder / 'mlflow.db'}"} | own
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Workers":
        for name in self.names:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "driftline.cli", name.split("-", 1)[0]]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, env=self.env | {"DRIFTLINE_INSTANCE": name}, stdout=log, stderr=log)

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


def faults_at_random(
    workers: Workers, stack: LocalStack, *others: Callable[[], None], seed: int
) -> dict[int, Callable[[], None]]:
    """kill -9 of every worker twice, of the stack's Redis twice, and ``others``, each at a random record.

    The seed is fixed since one of the day would make failures hard to repeat; the moments are arbitrary, not chosen.
    """

    def restart_redis() -> None:
        redis = stack.children["redis"].process
        assert redis is not None
        redis.kill()
        redis.wait()
        stack.supervise()

    rng = np.random.default_rng(seed)
    restarts = [partial(workers.restart, name) for name in workers.names]
    faults = [*restarts, *restarts, restart_redis, restart_redis, *others]
    moments = rng.choice(np.arange(500, RECORDS - 500), len(faults), replace=False).tolist()
    return dict(zip(moments, faults, strict=True))


def replay_with_faults(settings: Settings, faults: Mapping[int, Callable[[], None]], seed: int) -> None:
    """Replay calm contacts, then drifted ones; ``faults`` happen when so many records have been sent."""
    pacer = Pacer(rate=600, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    drawn = SCENARIOS["sector_shift"].contacts(RECORDS, seed=seed, onset=ONSET, start=datetime.now(UTC))
    records = ((f'{{"id": "{n}", '.encode(), None) if n in MALFORMED else labelled for n, labelled in enumerate(drawn))

    def progress(sent: int) -> None:
        if sent in faults:
            faults[sent]()

    replay(settings, REPLAY, records, pace=pacer, progress=progress)


def wait_until_settled(settings: Settings, workers: Workers) -> None:
    counter, deadline = Counter(settings), time.monotonic() + 120
    while time.monotonic() < deadline:
        for name, process in workers.processes.items():
            if process.poll() is not None:
                workers.start(name)
        counts = counter.read()
        if counts.replayed == RECORDS and counts.settled and champion(settings) != "1":
            return
        time.sleep(1)
    raise AssertionError(f"not settled: {counter.read()}, champion {champion(settings)}")


def check_the_books(settings: Settings, *, transactions: bool = False) -> None:
    """Every contact scored, and in the windows exactly once; no alert twice or without cause, and each is in Redis."""
    sent = {(r.partition, r.offset): _position(r) for r in read_all(settings, CONTACTS)}
    assert sorted(sent.values()) == list(range(RECORDS))
    bad = {place for place, position in sent.items() if position in MALFORMED}

    letters = [(letter.partition, letter.offset) for _, letter in events(settings, DEAD_LETTERS)]
    assert set(letters) == bad
    scored = Tally((record.partition, p.source_offset) for record, p in events(settings, PREDICTIONS))
    assert scored.keys() == sent.keys() - bad
    if transactions:
        assert max(scored.values()) == 1, "in transactions, no prediction is there twice"
        assert len(letters) == len(bad)
    assert Tally(_counted_in_windows(settings)) == Tally(scored.keys())

    alerts: list[Alert] = [alert for _, alert in events(settings, ALERTS)]
    assert alerts
    assert max(Tally((alert.id, alert.state, alert.level) for alert in alerts).values()) == 1
    drifted = {place for place, position in sent.items() if position >= ONSET}
    groundless = [alert for alert in alerts if not _window(alert) & drifted]
    assert not groundless, f"alerts over calm contacts alone: {groundless}"
    projected: Any = open_redis(settings).xrange(ALERTS_STREAM)
    assert [fields["id"] for _, fields in projected] == [alert.id for alert in alerts]
    decisions = [e for _, e in events(settings, MODEL_EVENTS) if e.event == "decided"]
    assert decisions
    for_good = Tally(e.trigger for e in decisions if e.decision != "shadow")  # from which it goes on to another one
    assert max(for_good.values(), default=1) == 1


def _position(record: Any) -> int:
    return int(dict(record.headers)["replay"].removeprefix(f"{REPLAY}:".encode()))


def _counted_in_windows(settings: Settings) -> Iterator[tuple[int, int]]:
    """As the engine takes the panes: the first complete one of each, whatever is repeated; else what is partial."""
    taken: dict[tuple[int, int, str], Pane] = {}
    for pane in panes(read_all(settings, PANES)):
        known = taken.get(key := (pane.partition, pane.pane, pane.model_version))
        if known is None or not known.complete:
            taken[key] = pane
    return ((pane.partition, offset) for pane in taken.values() for offset in pane.offsets)


def _window(alert: Alert) -> set[tuple[int, int]]:
    """The places of the contacts topic that the alert's window reaches over."""
    first, last = alert.window.first, alert.window.last
    return {(int(p), offset) for p in first for offset in range(first[p], last[p] + 1)}
