"""Passwords for Kafka and Redis: every worker gets in with them, none without, and none shows them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftline.local_stack import redis_binary
from driftline.settings import Settings
from tests.e2e.faults import Workers
from tests.kafka_server import free_port, kafka_server

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
SECRET = "not-to-be-shown-7"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Settings]:
    (tmp_path / "kafka").mkdir()
    port = free_port()
    command = [redis_binary(), "--bind", "127.0.0.1", "--port", str(port), "--requirepass", SECRET]
    with (
        kafka_server(tmp_path / "kafka", SECRET) as kafka,
        (tmp_path / "redis.log").open("wb") as log,
        subprocess.Popen([*command, "--save", "", "--dir", str(tmp_path)], stdout=log) as redis,
    ):
        yield Settings.model_validate(
            {
                "home": tmp_path,
                "kafka": kafka.address,
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_username": "driftline",
                "kafka_password": SECRET,
                "redis": f"redis://127.0.0.1:{port}/0",
                "redis_password": SECRET,
            }
        )
        redis.kill()


def driftline(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_the_loop_runs_with_passwords_and_shows_none(secured: Settings, tmp_path: Path) -> None:
    with Workers(secured, tmp_path) as workers:
        env = workers.env
        done = driftline(env, "replay", "scenario:sector_shift", "--onset", "1000", "--limit", "2500", "--fast")
        assert done.returncode == 0, done.stderr
        deadline = time.monotonic() + 90
        while True:
            status = json.loads(driftline(env, "status", "--json").stdout)
            if status["contacts"]["monitored"] == 2_500 and status["champion"] == "2":
                break
            assert time.monotonic() < deadline, status
            time.sleep(1)
        assert all(part["reachable"] for part in status["parts"].values())
        shown = driftline(env, "status").stdout + driftline(env, "alerts").stdout + json.dumps(status) + done.stderr
    logs = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
    assert "watching the predictions" in logs
    assert SECRET not in logs + shown


def test_a_wrong_password_is_said_and_ends_the_wait(secured: Settings, tmp_path: Path) -> None:
    env = Workers(secured, tmp_path).env | {"DRIFTLINE_KAFKA_PASSWORD": "wrong"}
    done = driftline(env, "replay", "scenario:sector_shift", "--limit", "10", "--fast")
    assert done.returncode == 1
    assert "check DRIFTLINE_KAFKA_USERNAME, _PASSWORD" in done.stderr
    assert "Traceback" not in done.stderr
    env = Workers(secured, tmp_path).env | {"DRIFTLINE_REDIS_PASSWORD": "wrong"}
    for worker in ("retrain", "monitor"):
        done = driftline(env, worker)
        assert done.returncode == 2
        assert "DRIFTLINE_REDIS_PASSWORD" in done.stderr
        assert "Traceback" not in done.stderr
