"""The retraining worker killed, limited, without a registry or room on the disk: one decision, and a whole champion."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from driftline.counts import champion
from driftline.events import ModelEvent
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK, open_redis
from driftline.settings import Settings
from model.kafka_models import publish, registered_event
from model.mlflow_registry import Registry
from model.retrain import Made
from producers.kafka_replay import replay
from tests.kafka_server import free_port
from tests.retraining_workers import (
    NOW,
    Contacts,
    alert,
    command,
    decisions,
    deliver,
    environment,
    everything_acknowledged,
    retrainers,
    retraining,
    wait_for,
)


def test_a_retraining_that_was_killed_after_its_decision_is_completed_and_not_done_again(
    own: Settings, made: Made
) -> None:
    registry = Registry(own.mlflow or "")
    first = registry.register(made)
    registry.set_champion("1", NOW)
    challenger = registry.register(replace(made, report=replace(made.report, trigger="x")))
    decided = ModelEvent(event="decided", model_version="2", at=NOW, trigger="x", decision="promoted", champion="1")
    publish(own, [registered_event(first), ModelEvent(event="champion", model_version="1", at=NOW)])
    publish(own, [registered_event(challenger), decided])
    with retraining(own, "a"):
        wait_for(lambda: champion(own) == "2" and registry.champion() == "2")
        deliver(own, alert("x"))
        wait_for(lambda: everything_acknowledged(own))
    assert decisions(own) == [decided]
    assert registry.previous() == "1"


def test_what_a_dead_retrainer_held_is_taken_up_by_its_successor(crowned: Settings, shifted_contacts: Contacts) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    redis = open_redis(crowned)
    deliver(crowned, alert("x"))
    redis.xgroup_create(ALERTS_STREAM, RETRAIN_GROUP, id="0")
    redis.xreadgroup(RETRAIN_GROUP, "a", {ALERTS_STREAM: ">"})
    redis.set(RETRAIN_LOCK, "the dead one's", px=3_000)
    with retraining(crowned, "a"):
        wait_for(lambda: champion(crowned) == "2" and everything_acknowledged(crowned))
    assert len(decisions(crowned)) == 1


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"retrain_seconds": 0.5}, "raise DRIFTLINE_RETRAIN_SECONDS"),
        ({"retrain_memory_mb": 256}, "raise DRIFTLINE_RETRAIN_MEMORY_MB"),
    ],
)
def test_a_training_over_its_limit_is_ended_and_the_champion_stays(
    crowned: Settings, shifted_contacts: Contacts, limits: dict[str, float], words: str
) -> None:
    replay(crowned, "r", shifted_contacts, pace=lambda contact: contact)
    deliver(crowned, alert("x"))
    with retraining(crowned, "a", **limits):
        wait_for(lambda: bool(decisions(crowned)) and everything_acknowledged(crowned))
    (decided,) = decisions(crowned)
    assert (decided.decision, decided.model_version, champion(crowned)) == ("rejected", "1", "1")
    assert words in (decided.why or "")
    assert Registry(crowned.mlflow or "").versions() == ["1"]


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(12, marks=pytest.mark.long)])
def test_whenever_a_retrainer_is_killed_there_is_one_decision_and_no_half_a_champion(
    own: Settings, shifted_contacts: Contacts, kills: int
) -> None:
    registry = Registry(own.mlflow or "")
    replay(own, "r", shifted_contacts, pace=lambda contact: contact)
    deliver(own, alert("x"))
    rng = np.random.default_rng()
    for _ in range(kills):
        worker = subprocess.Popen(command(), env=environment(own) | {"DRIFTLINE_INSTANCE": "a"})
        try:
            worker.wait(float(rng.uniform(1.0, 8.0)))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        open_redis(own).delete(RETRAIN_LOCK)  # which outlives a killed holder for 15 seconds
        assert registry.champion() in (None, "1", "2")
        if champion(own) == "2":
            break
    with retrainers(own, "a"):
        wait_for(lambda: champion(own) == "2" and everything_acknowledged(own))
        wait_for(lambda: registry.champion() == "2")
    assert [(e.trigger, e.decision) for e in decisions(own)] == [("x", "promoted")]
    assert registry.versions() == ["1", "2"]
    assert registry.previous() == "1"


def test_a_registry_that_is_away_is_waited_for(own: Settings, tmp_path: Path) -> None:
    away = own.model_copy(update={"mlflow": f"http://127.0.0.1:{free_port()}"})
    log = tmp_path / "log"
    with log.open("wb") as out:
        worker = subprocess.Popen(command(), env=environment(away), stdout=out, stderr=out)
        wait_for(lambda: log.read_text().count("interrupted (RegistryError") >= 2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 130
    assert "Traceback" not in log.read_text()
    assert champion(own) is None


def test_a_disk_without_room_is_waited_for_and_the_champion_stays(
    crowned: Settings, shifted_contacts: Contacts, tmp_path: Path
) -> None:
    replay(crowned, "r", shifted_contacts[:300], pace=lambda contact: contact)
    deliver(crowned, alert("x"))
    log = tmp_path / "log"
    small_files_only = ["bash", "-c", 'ulimit -f 20; exec "$0" "$@"']
    with log.open("wb") as out:
        env = environment(crowned) | {"DRIFTLINE_INSTANCE": "a"}
        worker = subprocess.Popen([*small_files_only, *command()], env=env, stdout=out, stderr=out)
        wait_for(lambda: "interrupted" in log.read_text())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 130
    assert "disk I/O error" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert (champion(crowned), decisions(crowned)) == ("1", [])
    with retrainers(crowned, "a"):
        wait_for(lambda: len(decisions(crowned)) == 1 and everything_acknowledged(crowned))


def test_a_champion_whose_artefacts_were_exchanged_is_refused_in_one_line(
    own: Settings, made: Made, tmp_path: Path
) -> None:
    registry = Registry(own.mlflow or "")
    registry.register(made)
    registry.set_champion("1", NOW)
    (graph,) = tmp_path.glob("mlartifacts/**/bundle/model.onnx")
    graph.write_bytes(graph.read_bytes()[::-1])
    done = subprocess.run(command(), env=environment(own), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not what was registered" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert champion(own) is None


def test_a_retrainer_killed_while_it_makes_the_registry_leaves_nothing_that_stops_the_next(own: Settings) -> None:
    database = Path((own.mlflow or "").removeprefix("sqlite:///"))
    make = f"from model.mlflow_registry import Registry; Registry({own.mlflow!r})"
    with subprocess.Popen([sys.executable, "-c", make]) as process:
        wait_for(lambda: any(database.parent.glob("mlflow.db*")))
        process.kill()
    assert not database.exists()
    assert Registry(own.mlflow or "").champion() is None
