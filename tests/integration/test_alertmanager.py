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
from tests.integration.test_kafka_notify import notifier, telling
from tests.some_alerts import alert, publish

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """Its address."""
    if BINARY is None:
        pytest.skip("no Alertmanager here: apt-get install prometheus-alertmanager")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG)
    command = [BINARY, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", "--cluster.listen-address="]
    with (tmp_path / "alertmanager.log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stderr=log)
    try:
        wait_until(lambda: alerts_of(address) is not None)
        yield address
    finally:
        process.terminate()
        process.wait()


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


def test_an_alertmanager_shows_the_alert_while_it_fires(settings: Settings, alertmanager: str) -> None:
    own = telling(settings, f"alertmanager+http://{alertmanager}", dashboard_url="https://drift.example.invalid")
    publish(settings, alert("a"), alert("b"))
    with notifier(own) as (counts, _):
        wait_until(lambda: len(alerts_of(alertmanager) or []) == 2)
        publish(settings, alert("a", level="retrain", at_contact=2))
        wait_until(lambda: levels(alertmanager) == {"a": "retrain", "b": "monitor"})
        (graver,) = [one for one in alerts_of(alertmanager) or [] if one["labels"]["alert_id"] == "a"]
        publish(settings, alert("a", "resolved", "retrain", at_contact=3))
        wait_until(lambda: levels(alertmanager) == {"b": "monitor"})
    assert [one.given_up for one in counts.values()] == [0]
    assert graver["labels"] == {
        "alertname": "driftline_data_drift", "alert_id": "a", "kind": "data_drift", "service": "driftline",
    }  # fmt: skip
    assert graver["generatorURL"] == "https://drift.example.invalid/alerts/a"
    assert graver["startsAt"] == "2026-01-01T00:00:00.000Z"


def levels(address: str) -> dict[str, str]:
    return {one["labels"]["alert_id"]: one["annotations"]["level"] for one in alerts_of(address) or []}
