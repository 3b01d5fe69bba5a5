"""`driftline up`: addresses, the other commands beside it, and an end that leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

SAMPLE = Path(__file__).parents[2] / "data" / "sample_lemlist_export.csv"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "driftline.cli", *arguments]


def driftline(folder: Path, *arguments: str) -> str:
    done = subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def children(folder: Path) -> list[int]:
    """The process ids of the stack of a folder."""
    found: dict[str, int] = json.loads((folder / ".driftline" / "stack.json").read_text())["pids"]
    return list(found.values())


def running(pids: list[int]) -> list[int]:
    """Those of the processes that still run (a zombie does not)."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(pid)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[dict[str, str]]:
    env = os.environ | {"DRIFTLINE_MIN_LABELS": "1000000"}  # no model is promoted: what fires goes on firing
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command("up", "--json"), cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log) as up,
    ):
        assert up.stdout is not None
        addresses: dict[str, str] = json.loads(up.stdout.readline())
        yield addresses
        pids, started = children(folder), time.monotonic()
        up.send_signal(signal.SIGINT)
        assert up.wait(20) == 130
        assert time.monotonic() - started < 6
        assert running(pids) == []


def test_up_prints_the_addresses_of_its_parts(stack: dict[str, str]) -> None:
    assert set(stack) == {"kafka", "redis", "mlflow", "api", "dashboard"}
    assert stack["kafka"].startswith("127.0.0.1:")


def test_a_second_stack_in_the_same_home_is_refused_in_one_line(stack: dict[str, str], folder: Path) -> None:
    done = subprocess.run(command("up"), cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "already up" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_named(stack: dict[str, str], tmp_path: Path) -> None:
    port = stack["kafka"].split(":")[1]
    env = os.environ | {"DRIFTLINE_KAFKA_PORT": port}
    done = subprocess.run(command("up"), cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_worker_tells_its_metrics_where_the_status_says(stack: dict[str, str], folder: Path) -> None:
    workers = json.loads(driftline(folder, "status", "--json"))["workers"]
    for name, worker in workers.items():
        assert f'driftline_build_info{{version="0.1.0",worker="{name}"}} 1.0' in httpx.get(worker["metrics"]).text
    assert len({worker["metrics"] for worker in workers.values()}) == len(workers)
    table = driftline(folder, "status").splitlines()
    assert [line.split()[0] for line in table if "/metrics" in line] == list(workers)
    assert {line.split()[1] for line in table if "/metrics" in line} == {"alive"}


def test_a_taken_port_of_the_metrics_stops_a_worker_in_one_line(stack: dict[str, str], tmp_path: Path) -> None:
    env = os.environ | {"DRIFTLINE_KAFKA": stack["kafka"], "DRIFTLINE_METRICS_PORT": stack["api"].rpartition(":")[2]}
    done = subprocess.run(command("score"), cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DRIFTLINE_METRICS_PORT" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_sample_export_is_replayed_scored_and_monitored(stack: dict[str, str], folder: Path) -> None:
    told = json.loads(driftline(folder, "replay", str(SAMPLE), "--fast", "--json"))
    assert told["contacts"] == 300
    again = json.loads(driftline(folder, "replay", str(SAMPLE), "--fast", "--resume", "--json"))
    assert (again["contacts"], again["skipped"]) == (0, 300)
    deadline = time.monotonic() + 30
    while True:
        status = json.loads(driftline(folder, "status", "--json"))
        if status["contacts"]["monitored"] == 300 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert status["contacts"] == {"replayed": 300, "scored": 300, "monitored": 300, "dead_letters": 0}
    assert status["champion"] == "1"
    assert all(part["reachable"] for part in status["parts"].values())
    assert all(worker["alive"] for worker in status["workers"].values())


def test_a_contact_of_the_api_is_scored_and_monitored_like_any_other(stack: dict[str, str], folder: Path) -> None:
    before = json.loads(driftline(folder, "status", "--json"))
    for name in ("api", "dashboard"):
        assert before["parts"][name] == {"reachable": True, "address": stack[name]}
    page = {"contacts": [{"llm_quality": n} for n in range(100)]}
    answer = httpx.post(f"{stack['api']}/predict/batch", json=page, timeout=30)
    assert (answer.status_code, answer.json()["count"]) == (200, 100)
    deadline = time.monotonic() + 30
    while (counts := json.loads(driftline(folder, "status", "--json"))["contacts"])["monitored"] < (
        before["contacts"]["monitored"] + 100
    ):
        assert time.monotonic() < deadline, counts
        time.sleep(0.5)
    assert counts == {name: count + 100 * (name != "dead_letters") for name, count in before["contacts"].items()}


def test_a_drift_reaches_whoever_follows_the_alerts(stack: dict[str, str], folder: Path) -> None:
    with subprocess.Popen(
        command("alerts", "--follow", "--json"), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as follower:
        assert follower.stdout is not None
        driftline(folder, "replay", "scenario:sector_shift", "--onset", "0", "--limit", "1500", "--fast")
        told: list[str] = []
        while "industry" not in told:  # the people of the sample export, who came first, are unlike the model's too
            alert = json.loads(follower.stdout.readline())
            told = [column["name"] for column in alert["columns"]]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 130
    assert (alert["schema"], alert["state"], alert["kind"]) == ("driftline.alert/1", "firing", "data_drift")
    assert alert["promise"]["holds"]
    accepted = json.loads(driftline(folder, "alerts", "--ack", alert["id"], "--json"))
    assert (accepted["id"], accepted["state"]) == (alert["id"], "resolved")
    assert alert["id"] not in json.loads(driftline(folder, "status", "--json"))["firing"]
    assert httpx.get(f"{stack['dashboard']}/alerts/{alert['id']}").status_code == 200
    shown = httpx.get(f"{stack['dashboard']}/api/alerts/{alert['id']}").json()
    assert (shown["alert"], shown["acknowledge"]) == (accepted, False)
    assert [change["state"] for change in shown["changes"]][-1] == "resolved"
    done = subprocess.run(command("alerts", "--ack", "x"), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is no alert x: `driftline alerts` lists them" in done.stderr


@pytest.mark.long
def test_the_report_of_an_alert_is_made_for_whoever_asks_the_dashboard(stack: dict[str, str], folder: Path) -> None:
    driftline(folder, "replay", "scenario:sector_shift", "--onset", "0", "--limit", "1500", "--fast", "--seed", "1")
    deadline = time.monotonic() + 120
    while not (alerts := httpx.get(f"{stack['dashboard']}/api/state").json()["alerts"]):
        assert time.monotonic() < deadline
    alert = alerts[0]["alert"]["id"]
    page = f"{stack['dashboard']}/alerts/{alert}/report"
    while (report := httpx.get(page, timeout=30)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(float(report.headers["retry-after"]))
    assert report.status_code == 200, report.text
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert alert in report.text


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["score"], signal.SIGTERM),
        (["monitor"], signal.SIGINT),
        (["monitor"], signal.SIGTERM),
        (["retrain"], signal.SIGTERM),
        (["api"], signal.SIGTERM),
        (["dashboard"], signal.SIGTERM),
        (["watch"], signal.SIGINT),
        (["alerts", "--follow"], signal.SIGTERM),
        (["replay", "scenario:sector_shift"], signal.SIGINT),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value.name,
)
def test_a_process_that_is_interrupted_ends_in_time_and_says_so(
    stack: dict[str, str], tmp_path: Path, arguments: list[str], number: signal.Signals
) -> None:
    env = os.environ | {
        f"DRIFTLINE_{name.upper()}": address for name, address in stack.items() if "http:" not in address
    }
    env |= {"DRIFTLINE_HOME": str(tmp_path), "DRIFTLINE_TOPIC_PREFIX": "apart.", "DRIFTLINE_INSTANCE": "apart"}
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command(*arguments), cwd=tmp_path, env=env, stdout=out, stderr=out) as process,
    ):
        time.sleep(6)
        assert process.poll() is None, log.read_text()
        process.send_signal(number)
        assert process.wait(10) == 130  # what supervisors wait before they kill
    assert "Traceback" not in log.read_text()


def test_a_stack_that_is_killed_takes_its_children_along(tmp_path: Path) -> None:
    with (
        (tmp_path / "up.log").open("wb") as log,
        subprocess.Popen(command("up", "--json"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=log) as up,
    ):
        assert up.stdout is not None
        up.stdout.readline()
        pids = children(tmp_path)
        alive = running(pids)
        up.kill()
    assert len(alive) == 7
    deadline = time.monotonic() + 8
    while running(pids) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert running(pids) == []
