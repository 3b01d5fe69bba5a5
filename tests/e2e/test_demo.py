"""The whole loop, as a newcomer runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def demo(folder: Path, *options: str) -> dict[str, object]:
    command = [sys.executable, "-m", "driftline.cli", "demo", "--json", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return demo(tmp_path_factory.mktemp("demo"), "--seed", "3")


def test_every_contact_is_accounted_for(summary: dict[str, dict[str, int]]) -> None:
    contacts = summary["contacts"]
    assert contacts["replayed"] == 8_000
    assert contacts["replayed"] == contacts["scored"] + contacts["dead_letters"]
    assert contacts["monitored"] == contacts["scored"]


def test_the_drift_is_found_soon_after_its_onset_and_not_before(summary: dict[str, list[dict[str, object]]]) -> None:
    first = summary["alerts"][0]
    assert first["state"] == "firing"
    assert first["delay_contacts"] is not None
    assert 0 < first["delay_contacts"] <= 300  # type: ignore[operator]


def test_it_leads_to_one_decision_per_alert_and_a_new_champion(summary: dict[str, list[dict[str, object]]]) -> None:
    triggers = [decision["trigger"] for decision in summary["retraining"]]
    assert triggers
    assert len(set(triggers)) == len(triggers)
    assert set(triggers) <= {alert["id"] for alert in summary["alerts"]}
    promoted = [d["challenger"] for d in summary["retraining"] if d["decision"] == "promoted"]
    assert summary["champion"]["after"] == (promoted or [summary["champion"]["before"]])[-1]  # type: ignore[call-overload]


def test_after_the_promotion_the_alert_resolves(summary: dict[str, list[dict[str, object]]]) -> None:
    assert summary["retraining"][0]["decision"] == "promoted"
    states = [alert["state"] for alert in summary["alerts"] if alert["id"] == summary["retraining"][0]["trigger"]]
    assert states[-1] == "resolved"


def test_what_drifts_no_more_for_the_new_model_raises_no_alert_again(summary: dict[str, list[dict[str, str]]]) -> None:
    last = {alert["id"]: alert["state"] for alert in summary["alerts"]}
    assert set(last.values()) == {"resolved"}
