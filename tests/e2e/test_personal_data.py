"""Personal data planted in an export that goes the whole way: nothing of it is in anything that the way leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.generate_sample_export import HEADER
from driftline.counts import Counter
from driftline.events import DeadLetter, ModelEvent, decode
from driftline.kafka_clients import read_all, read_events
from driftline.redis_client import open_redis
from driftline.settings import Settings
from driftline.topics import DEAD_LETTERS, MODEL_EVENTS, TOPICS
from model.bundle import Bundle
from tests.planted import Planted, planted_export

WORKERS = {
    "DRIFTLINE_NEW_LABELS": "100", "DRIFTLINE_MIN_LABELS": "20", "DRIFTLINE_COOLDOWN_SECONDS": "0",
}  # fmt: skip
"""Few labels are enough for a retraining, so that what it leaves is there to be searched."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, Path]:
    """An export, away from what is searched, some of whose rows are no contacts."""
    found = planted_export(random.Random(11), 400, share=0.3, columns=[*HEADER, "llm_quality", "llm_industry"])
    path = tmp_path_factory.mktemp("exports") / "export.csv"
    path.write_text(found.text(), "utf-8")
    return found, path


@pytest.fixture(scope="module")
def stack(folder: Path, planted: tuple[Planted, Path]) -> Iterator[Settings]:
    """A stack whose every model is trained on the export, and that logs JSON; the commands beside it log text."""
    command = [sys.executable, "-m", "driftline.cli", "up", "--json"]
    env = os.environ | WORKERS | {"DRIFTLINE_TRAINING_DATA": str(planted[1]), "DRIFTLINE_LOG_FORMAT": "json"}
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log) as up,
    ):
        assert up.stdout is not None
        addresses = json.loads(up.stdout.readline())
        yield Settings.model_validate({**addresses, "home": folder / ".driftline"})
        up.send_signal(signal.SIGINT)
        assert up.wait(20) == 130


def driftline(folder: Path, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON; all that it says is kept beside the rest."""
    command = [sys.executable, "-m", "driftline.cli", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | WORKERS, capture_output=True, timeout=90, check=False
    )  # fmt: skip
    with (folder / "said.log").open("ab") as log:
        log.write(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_topics(settings: Settings) -> Iterator[bytes]:
    """All records of all topics, and what is packed inside of them."""
    for topic in TOPICS:
        for record in read_all(settings, topic):
            yield from (record.key or b"", record.value or b"", *(value for _, value in record.headers))
            if topic == MODEL_EVENTS and (bundle := decode(ModelEvent, record.value).bundle):
                yield from Bundle.from_bytes(bundle).files().values()
            if topic == DEAD_LETTERS:
                yield decode(DeadLetter, record.value).value or b""


def in_redis(settings: Settings) -> Iterator[bytes]:
    """All keys of Redis and what they hold."""
    redis: Any = open_redis(settings)
    for key in redis.scan_iter():
        kind, name = redis.type(key), key if isinstance(key, bytes) else key.encode()
        yield name
        match kind if isinstance(kind, str) else kind.decode():
            case "string":
                yield from flat(redis.get(key))
            case "hash":
                yield from flat(redis.hgetall(key))
            case "stream":
                yield from flat(redis.xrange(key))
            case other:
                raise AssertionError(f"{other}: nobody searches it")


def flat(value: Any) -> Iterator[bytes]:
    """The texts inside of whatever Redis answers."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        for one in value:
            yield from flat(one)
    elif value is not None:
        yield value if isinstance(value, bytes) else str(value).encode()


def is_decided(settings: Settings) -> bool:
    """Whether a retraining has come to its end."""
    return any(event.event == "decided" for event in read_events(settings, MODEL_EVENTS, ModelEvent))


def test_nothing_planted_in_an_export_is_anywhere_behind_it(
    stack: Settings, folder: Path, planted: tuple[Planted, Path]
) -> None:
    export, path = planted
    imported = driftline(folder, "import", str(path), "-o", "out.jsonl", "--json")
    assert imported["contacts"] > 200
    assert imported["dropped"]
    sent = driftline(folder, "replay", str(path), "--fast", "--json")
    assert sent["contacts"] == imported["contacts"]
    deadline, counter = time.monotonic() + 60, Counter(stack)
    while counter.read().monitored < sent["contacts"] or not is_decided(stack):
        assert time.monotonic() < deadline, (counter.read(), (folder / "up.log").read_text())
        time.sleep(0.2)
    for worker in ("score", "monitor", "retrain", "api"):
        lines = (folder / ".driftline" / "logs" / f"{worker}.log").read_text("utf-8").splitlines()
        assert lines
        assert all({"time", "worker", "level", "message"} <= json.loads(line).keys() for line in lines), lines
    metrics = [worker["metrics"] for worker in driftline(folder, "status", "--json")["workers"].values()]
    places = {
        "metrics": b"\n".join(urllib.request.urlopen(address, timeout=5).read() for address in metrics),
        "topics": b"\n".join(on_topics(stack)),
        "Redis": b"\n".join(in_redis(stack)),
        "files": b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()),
    }
    assert all(len(content) > 1_000 for content in places.values())
    assert "mlflow.db" in {path.name for path in folder.rglob("*")}
    assert {name: export.found_in(content) for name, content in places.items()} == {name: set() for name in places}
