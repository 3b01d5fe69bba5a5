"""A real Prometheus beside a real stack: every query of the dashboard and of the rules finds what it asks for."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kafka_server import free_port
from tests.observability import FOLDER, panel_queries, rule_queries

WORKERS = {
    "DRIFTLINE_MIN_LABELS": "20",
    "DRIFTLINE_COOLDOWN_SECONDS": "0",
    "DRIFTLINE_WEBHOOK_URLS": "http://127.0.0.1:9",  # where nobody is
}


def driftline(folder: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "driftline.cli", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def stack(folder: Path) -> Iterator[dict[str, str]]:
    """The local stack while the block runs; yields where each worker's metrics are."""
    command = [sys.executable, "-m", "driftline.cli", "up", "--json"]
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=os.environ | WORKERS, stdout=subprocess.PIPE, stderr=log) as up,
    ):
        assert up.stdout is not None
        up.stdout.readline()
        try:
            yield {name: worker["metrics"] for name, worker in driftline(folder, "status")["workers"].items()}
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(20)


@contextmanager
def prometheus(folder: Path, addresses: dict[str, str]) -> Iterator[str]:
    """A Prometheus with the rules of the repository; the workers are where the stack says instead of in a network."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "rules.yml")]
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in addresses]
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        target = urllib.parse.urlsplit(addresses[job["job_name"]]).netloc
        job["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    at = f"127.0.0.1:{free_port()}"
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={at}"]
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            yield f"http://{at}"
        finally:
            process.terminate()


def post(url: str, body: dict[str, int]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def ask(base: str, path: str, **parameters: str) -> Any:
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as fault:
        raise AssertionError(f"{parameters}: {fault.read().decode()}") from None


@pytest.mark.long
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus: apt-get install prometheus")
def test_every_query_of_the_dashboard_and_of_the_rules_finds_data_in_a_live_stack(tmp_path: Path) -> None:
    with stack(tmp_path) as addresses, prometheus(tmp_path, addresses) as base:
        drift = ("replay", "scenario:sector_shift", "--onset", "600")
        driftline(tmp_path, *drift, "--limit", "4000", "--rate", "250")
        driftline(tmp_path, *drift, "--seed", "3", "--limit", "200", "--to", "http", "--rate", "50")
        api = driftline(tmp_path, "status")["parts"]["api"]["address"]
        for quality in range(50):
            post(f"{api}/predict", {"llm_quality": quality})
            time.sleep(0.05)  # over more than one scrape
        deadline = time.monotonic() + 90
        while not ask(base, "query", query="sum(driftline_retrain_decisions_total) > 0")["result"]:
            assert time.monotonic() < deadline, "nothing was decided about a challenger"
            time.sleep(1)
        queries = panel_queries() | rule_queries()
        answers = {title: ask(base, "query", query=query)["result"] for title, query in queries.items()}
        assert [title for title, found in answers.items() if not found] == []
        rules = [rule for group in ask(base, "rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        firing = {alert["labels"]["alertname"] for alert in ask(base, "alerts")["alerts"]}
        assert firing & {"DriftlineDrift", "DriftlineDriftToInvestigate"}
        for title, found in sorted(answers.items()):
            print(title, [(one["metric"], one["value"][1]) for one in found][:3])
