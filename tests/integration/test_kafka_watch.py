"""Whoever looks on: reports of the window, metrics and the live view over a real stream, and without a broker."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from driftline.events import Contact, WindowReport, decode
from driftline.kafka_clients import ensure_topics, read_all
from driftline.kafka_watch import GONE_SECONDS, Follower
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import WINDOWS
from model.bundle import Bundle
from model.kafka_models import champion_event, publish
from model.retrain import Made
from producers.scenarios import SCENARIOS
from tests.conftest import START
from tests.e2e.faults import Workers
from tests.kafka_server import free_port
from tests.scoring_workers import make_champion, send_predictions, wait_until

ONSET, CONTACTS = 600, 1_600


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture(scope="module")
def drifting() -> list[tuple[Contact, int]]:
    return list(SCENARIOS["sector_shift"].contacts(CONTACTS, seed=2, onset=ONSET, start=START))


@pytest.fixture
def follower(settings: Settings) -> Iterator[Follower]:
    stop = threading.Event()
    found = Follower(settings, stop)
    yield found
    stop.set()
    found.close()


def reports(settings: Settings) -> list[WindowReport]:
    return [decode(WindowReport, record.value) for record in read_all(settings, WINDOWS)]


def metrics(port: int) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_reports_come_while_a_stream_flows_and_what_looks_on_says_the_same(
    settings: Settings, champion: Bundle, drifting: list[tuple[Contact, int]], tmp_path: Path, follower: Follower
) -> None:
    port = free_port()
    make_champion(settings, champion)
    told = settings.model_copy(update={"metrics_port": port})
    with Workers(told, tmp_path, ["monitor"]) as workers:
        watch = subprocess.Popen(
            [sys.executable, "-m", "driftline.cli", "watch"], env=workers.env, stdout=subprocess.PIPE
        )
        for begin in range(0, CONTACTS, 200):
            send_predictions(settings, champion, drifting[begin : begin + 200], begin)
            time.sleep(0.15)
        wait_until(lambda: any(report.at_contact == CONTACTS for report in reports(settings)))
        found = reports(settings)
        time.sleep(1.5)
        assert len(reports(settings)) == len(found)  # it is quiet, and so are they
        newest = found[-1]
        assert (newest.full, newest.window.contacts, newest.model_version) == (True, 500, "1")
        assert newest.drift_share > 0
        assert [report.at_contact for report in found] == sorted({report.at_contact for report in found})

        wait_until(lambda: follower.seen is not None and follower.seen.report == newest)
        seen = follower.seen
        assert seen is not None
        assert (seen.champion, len(seen.shares)) == ("1", len(found))
        assert {alert.kind for alert in seen.firing} >= {"data_drift"}

        counted = metrics(port)
        assert counted["driftline_monitor_drift_share",] == newest.drift_share
        assert counted["driftline_monitor_contacts_total",] == counted["driftline_monitor_at_contact",] == CONTACTS
        assert counted["driftline_monitor_lag_contacts",] <= 2  # where there are transactions, the ends of the last
        strengths = {key[1]: value for key, value in counted.items() if key[0] == "driftline_monitor_strength"}
        assert strengths == pytest.approx(newest.strengths)
        firing = {key[1:] for key, value in counted.items() if key[0] == "driftline_monitor_firing" and value}
        assert firing == {(alert.kind, alert.level) for alert in seen.firing}
        changes = sum(value for key, value in counted.items() if key[0] == "driftline_monitor_alerts_total")
        assert changes == counted["driftline_monitor_alert_seconds_count",] > 0

        watch.terminate()
        lines = watch.communicate(timeout=10)[0].decode().splitlines()
    assert any("champion 1 since" in line for line in lines)
    assert any("firing data_drift" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_broker_that_goes_away_is_waited_for_and_one_that_has_lost_its_topics_is_read_anew(tmp_path: Path) -> None:
    stop = threading.Event()
    with LocalStack(Settings.model_validate({"home": tmp_path}), say=print) as stack:
        publish(stack.settings, [champion_event("1", None)])
        follower = Follower(stack.settings, stop)
        wait_until(lambda: follower.seen is not None and follower.seen.champion == "1")
        kafka = stack.children["kafka"]
        assert kafka.process is not None
        kafka.process.kill()
        kafka.process.wait()
        time.sleep(1.0)
        last = follower.seen
        time.sleep(GONE_SECONDS)
        assert last is not None
        assert last.champion == "1"  # what was known stays
        assert follower.seen is last  # and grows old
        kafka.start()
        wait_until(lambda: _answers(stack.settings))
        publish(stack.settings, [champion_event("2", None)])
        wait_until(lambda: follower.seen is not None and follower.seen.champion == "2")
        stop.set()
        follower.close()


def _answers(settings: Settings) -> bool:
    try:
        ensure_topics(settings)
    except Exception:  # it is not up yet
        return False
    return True
