"""A real Prometheus Alertmanager as the receiver: the alert appears in its API, and is over when it is over."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from driftline.settings import Settings
from monitor import kafka_notify
from tests.integration.test_kafka_notify import notifier, telling
from tests.some_alerts import alert, publish

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class Alertmanager:
    """One that can be started again: what it knows of alerts is gone then."""

    def __init__(self, binary: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = folder / "alertmanager.yml"
        config.write_text(CONFIG)
        self._log = folder / "alertmanager.log"
        self._command = [
            binary, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
            f"--web.listen-address={self.address}",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        wait_until(lambda: alerts_of(self.address) is not None)

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    if BINARY is None:
        pytest.skip("no Alertmanager here: apt-get install prometheus-alertmanager")
    found = Alertmanager(BINARY, tmp_path)
    found.start()
    yield found
    found.stop()


def alerts_of(address: str) -> list[Any] | None:
    """What it says fires, None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address}/api/v2/alerts", timeout=2) as answer:
            found: list[Any] = json.load(answer)
            return found
    except OSError:
        return None


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_alertmanager_shows_the_alert_while_it_fires_and_is_reminded_when_it_forgets(
    settings: Settings, alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_notify, "REMIND_SECONDS", 0.5)
    address = alertmanager.address
    own = telling(settings, f"alertmanager+http://{address}", dashboard_url="https://drift.example.invalid")
    publish(settings, alert("a"), alert("b"))
    with notifier(own) as (counts, _):
        wait_until(lambda: levels(address) == {"a": "monitor", "b": "monitor"})
        publish(settings, alert("a", level="retrain", at_contact=2))
        wait_until(lambda: levels(address) == {"a": "retrain", "b": "monitor"})
        alertmanager.stop()
        alertmanager.start()
        wait_until(lambda: levels(address) == {"a": "retrain", "b": "monitor"})
        (graver,) = [one for one in alerts_of(address) or [] if one["labels"]["alert_id"] == "a"]
        publish(settings, alert("a", "resolved", "retrain", at_contact=3))
        wait_until(lambda: levels(address) == {"b": "monitor"})
    assert [one.given_up for one in counts.values()] == [0]
    assert graver["labels"] == {
        "alertname": "driftline_data_drift", "alert_id": "a", "kind": "data_drift", "service": "driftline",
    }  # fmt: skip
    assert graver["generatorURL"] == "https://drift.example.invalid/alerts/a"
    assert graver["startsAt"] == "2026-01-01T00:00:00.000Z"


def levels(address: str) -> dict[str, str]:
    return {one["labels"]["alert_id"]: one["annotations"]["level"] for one in alerts_of(address) or []}
