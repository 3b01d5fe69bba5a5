"""A replay that is killed with -9 again and again: every contact and label is there once, in order."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driftline.events import Contact, Label, decode
from driftline.kafka_clients import read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS

START = datetime(2026, 3, 2, tzinfo=UTC)
LINES, FAST_LINES, KEYS, SCENARIO = 1_500, 30_000, 300, 600
MALFORMED_EVERY = 20


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(Settings.model_validate({"home": tmp_path / "home"}), say=print) as found:
        yield found


def contacts_file(path: Path, lines: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Contacts that come again and again, in no order of time, some lines of them malformed."""
    documents = [
        {
            "id": f"k{rng.integers(KEYS)}", "skills": f"v{n}", "engaged": int(rng.integers(2)),
            "occurred_at": (START + timedelta(seconds=int(rng.integers(3_600)))).isoformat(),
        }
        for n in range(lines)
    ]  # fmt: skip
    texts = [json.dumps(document) for document in documents]
    path.write_text("".join(f"{text[: len(text) - 9 * malformed(n)]}\n\n" for n, text in enumerate(texts)))
    return documents


def malformed(line: int) -> bool:
    return line % MALFORMED_EVERY == 7


class Replay:
    """The command, as a process that may be killed."""

    def __init__(self, settings: Settings, folder: Path, *arguments: str) -> None:
        told = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
        self._env = told | settings.to_environment()
        self._folder = folder
        self._command = [sys.executable, "-m", "driftline.cli", "replay", *arguments, "--json"]

    def start(self, *more: str) -> subprocess.Popen[str]:
        with (self._folder / "replay.log").open("a") as log:
            return subprocess.Popen(
                [*self._command, *more], env=self._env, cwd=self._folder, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def finish(self) -> dict[str, Any]:
        process = self.start("--resume")
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, (self._folder / "replay.log").read_text()
        found: dict[str, Any] = json.loads(out)
        return found


def positions(settings: Settings, topic: Any) -> dict[str, list[int]]:
    """By source, without its run, the positions on a topic in the order of each partition."""
    found: dict[str, list[int]] = defaultdict(list)
    for record in read_all(settings, topic):
        name, _, position = dict(record.headers)["replay"].decode().rpartition(":")
        found[name.rsplit(".", 1)[0]].append(int(position))
    return found


def check_once_and_in_order(settings: Settings, documents: list[dict[str, Any]]) -> None:
    contacts, labels = positions(settings, CONTACTS), positions(settings, LABELS)
    valid = [document for n, document in enumerate(documents) if not malformed(n)]
    assert sorted(map(len, contacts.values())) == [SCENARIO, len(documents)]
    for found in (*contacts.values(), *labels.values()):
        assert max(Tally(found).values()) == 1
    for found in contacts.values():
        assert set(found) == set(range(len(found)))
    assert sorted(map(len, labels.values())) == [SCENARIO, len(valid)]

    valid.sort(key=lambda document: document["occurred_at"])
    versions, outcomes = defaultdict(list), defaultdict(list)
    for record in read_all(settings, CONTACTS):
        if record.key is not None and record.key.startswith(b"k"):
            contact = decode(Contact, record.value)
            versions[contact.id].append(contact.skills)
    for record in read_all(settings, LABELS):
        label = decode(Label, record.value)
        outcomes[label.contact_id].append(label.engaged)
    for key in {document["id"] for document in valid}:
        assert versions[key] == [document["skills"] for document in valid if document["id"] == key]
        assert outcomes[key] == [document["engaged"] for document in valid if document["id"] == key]


@pytest.mark.parametrize(
    "pace",
    [
        ["--rate", "500", "--labels-delay", "40"],
        pytest.param(["--rate", "500", "--labels-delay", "1s"], marks=pytest.mark.long),
        pytest.param(["--speed", "3600", "--labels-delay", "5min"], marks=pytest.mark.long),
        pytest.param(["--fast", "--labels-delay", "10min"], marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_several_sources_killed_at_any_moment_arrive_once_and_in_order(
    stack: LocalStack, tmp_path: Path, pace: list[str]
) -> None:
    settings, rng = stack.settings, np.random.default_rng()
    documents = contacts_file(tmp_path / "contacts.jsonl", FAST_LINES if "--fast" in pace else LINES, rng)
    total = len(documents) + SCENARIO
    sources = ["contacts.jsonl", "scenario:sector_shift", "--onset", "100", "--limit", str(total)]
    replay = Replay(settings, tmp_path, *sources, *pace)
    interrupted = 0
    for number, moment in enumerate(rng.uniform(0.0, 0.6, 3)):
        process = replay.start(*["--resume"] * (number > 0))
        wait_for_more(settings, on_topic(settings))  # a replay first looks for a second what is there
        time.sleep(moment)
        with frozen(stack, number == 1):
            interrupted += process.poll() is None
            process.kill()
            process.communicate()
    assert interrupted, "killed before or after, and never in the middle"
    assert replay.finish()["complete"]
    check_once_and_in_order(settings, documents)


def on_topic(settings: Settings) -> int:
    return sum(1 for _ in read_all(settings, CONTACTS))


def wait_for_more(settings: Settings, there: int) -> None:
    deadline = time.monotonic() + 20
    while on_topic(settings) <= there and time.monotonic() < deadline:
        time.sleep(0.02)


@contextmanager
def frozen(stack: LocalStack, really: bool) -> Iterator[None]:
    """The broker takes nothing for a while: what the replay sends stays in the sockets, and outlives it.

    It goes on after a second, when the next replay is there already and reads what is on the topic.
    """
    if not really:
        yield
        return
    broker = stack.children["kafka"].process
    assert broker is not None
    broker.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    yield
    threading.Timer(1.0, broker.send_signal, [signal.SIGCONT]).start()
