"""The example consumers, as their readers run them, on a real broker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from data.schemas import FOLDER
from driftline.events import Alert, AlertReference, AlertWindow, Promise, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.settings import Settings
from driftline.topics import ALERTS
from monitor.faust_outbox import cloud_event_headers

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def alert(name: str) -> Alert:
    return Alert(
        id=name, state="firing", kind="data_drift", level="monitor", started_at=NOW, updated_at=NOW, resolved_at=None,
        at_contact=1, window=AlertWindow(contacts=1, first={"0": 0}, last={"0": 0}), model_version="1",
        reference=AlertReference(id="r", rows=1), drift_share=0.1,
        promise=Promise(false_alarm_rate=0.05, horizon=1, holds=True), columns=[], summary=f"summary of {name}",
        runbook="http://127.0.0.1/#data_drift",
    )  # fmt: skip


@pytest.fixture
def publish(settings: Settings) -> Callable[..., None]:
    def send(*names: str) -> None:
        producer = open_producer(settings)
        for one in map(alert, names):
            producer.send(
                settings.topic(ALERTS.name), key=one.id.encode(), value=encode(one), headers=cloud_event_headers(one)
            )
        producer.close()

    return send


def publish_others(settings: Settings) -> None:
    """What a reader of today cannot know, and what is not ours."""
    producer = open_producer(settings)
    later = [("ce_id", b"x"), ("ce_type", b"driftline.alert.v2")]
    producer.send(settings.topic(ALERTS.name), key=b"x", value=b'{"schema": "driftline.alert/2"}', headers=later)
    producer.send(settings.topic(ALERTS.name), key=b"y", value=b"no JSON")
    producer.close()


@contextmanager
def running(*command: str, cwd: Path | None = None) -> Iterator[Iterator[str]]:
    """The lines of a consumer, which is interrupted in the end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout.readline, "")
        finally:
            process.send_signal(signal.SIGINT)


def python(settings: Settings) -> list[str]:
    return [sys.executable, str(EXAMPLES / "consume_alerts.py"), str(settings.kafka), "a", settings.topic(ALERTS.name)]


def test_the_python_consumer_reads_each_alert_once_and_again_only_what_was_not_dealt_with(
    settings: Settings, publish: Callable[..., None]
) -> None:
    publish("one", "two", "two")  # a monitor that overlaps with its successor repeats what it said
    publish_others(settings)
    publish("three", "four")
    fails_at_three = """import sys
sys.path.insert(0, sys.argv.pop(1))
import consume_alerts
told = consume_alerts.handle
consume_alerts.handle = lambda alert: told(alert) if alert["id"] != "three" else 1 / 0
consume_alerts.main(*sys.argv[1:])"""
    failing = [sys.executable, "-c", fails_at_three, str(EXAMPLES), *python(settings)[2:]]
    done = subprocess.run(failing, capture_output=True, text=True, timeout=60, check=False)
    assert "ZeroDivisionError" in done.stderr
    assert [line.split("summary of ")[1].split()[0] for line in done.stdout.splitlines()] == ["one", "two"]
    assert "offset 3 left out" in done.stderr
    with running(*python(settings)) as lines:
        assert "summary of three" in next(lines)
        assert "summary of four" in next(lines)


def test_what_stands_on_the_topic_is_what_schema_and_cloud_events_say(
    settings: Settings, publish: Callable[..., None]
) -> None:
    publish("one")
    (record,) = read_all(settings, ALERTS)
    jsonschema.validate(json.loads(record.value), json.loads((FOLDER / "alert.schema.json").read_text("utf-8")))
    channel = json.loads((FOLDER / "asyncapi.yaml").read_text("utf-8"))["channels"]["alerts"]
    jsonschema.validate(
        {name: value.decode() for name, value in record.headers}, channel["messages"]["Alert"]["headers"]
    )


@pytest.fixture
def kafkajs(tmp_path: Path) -> Path:
    """A folder in which Node finds kafkajs: DRIFTLINE_TEST_NODE_MODULES, which `npm install kafkajs` has filled."""
    modules = Path(os.environ.get("DRIFTLINE_TEST_NODE_MODULES", "node_modules")).absolute()
    if shutil.which("node") is None or not (modules / "kafkajs").is_dir():
        pytest.skip("needs node, and kafkajs where DRIFTLINE_TEST_NODE_MODULES says: npm install kafkajs")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(EXAMPLES / "consume_alerts.mjs", tmp_path)
    return tmp_path


def test_the_node_consumer_reads_every_alert(settings: Settings, publish: Callable[..., None], kafkajs: Path) -> None:
    command = ["node", "consume_alerts.mjs", str(settings.kafka), "n", settings.topic(ALERTS.name)]
    publish("one", "one")
    publish_others(settings)
    publish("two")
    with running(*command, cwd=kafkajs) as lines:
        told = [next(lines) for _ in range(2)]
    assert ["summary of one" in told[0], "summary of two" in told[1]] == [True, True]


@pytest.mark.skipif(shutil.which("kcat") is None, reason="needs kcat: apt-get install kcat")
@pytest.mark.skipif(
    os.environ.get("DRIFTLINE_TEST_BROKER") != "kafka",
    reason="kcat 1.7 and the embedded broker do not understand each other; make test-kafka",
)
def test_kcat_reads_every_alert_with_its_headers(settings: Settings, publish: Callable[..., None]) -> None:
    publish("one", "two")
    command = ["kcat", "-b", str(settings.kafka), "-C", "-t", settings.topic(ALERTS.name), "-e", "-q", "-f", "%h %s\n"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = done.stdout.splitlines()
    assert [json.loads(line[line.index("{") :])["id"] for line in told] == ["one", "two"]
    assert "ce_type=driftline.alert.v1" in told[0]
