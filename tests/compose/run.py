"""Bring the compose stack up, replay a drift, consume its alert, ask API and dashboard: ``make compose-test``.

With `docker compose` or `podman-compose`, whichever is there. The stack has a name and ports of its own, so that one
that is up already is left alone. ``COMPOSE_ARGS`` goes before the compose command, for a machine whose builds need
options of the engine.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = f"driftline-test-{os.getpid()}"
SERVICES = ("kafka", "redis", "mlflow", "scorer", "monitor", "retrainer", "api", "dashboard")


def say(line: str) -> None:
    print(f"compose-test: {line}", file=sys.stderr, flush=True)


def engine() -> list[str]:
    """The compose command of this machine."""
    if (
        shutil.which("docker")
        and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    ):
        return ["docker", "compose"]
    if shutil.which("podman-compose"):
        return ["podman-compose"]
    say("neither `docker compose` nor `podman-compose` is here: install one of them")
    sys.exit(2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stack:
    """The stack under test and how to talk to it from the host."""

    def __init__(self) -> None:
        self.ports = {name: str(free_port()) for name in ("KAFKA", "REDIS", "MLFLOW", "API", "DASHBOARD")}
        self.env = os.environ | {f"DRIFTLINE_{name}_PORT": port for name, port in self.ports.items()}
        # The 500th label asks for a model before the drift does, and there is none better yet.
        self.env["DRIFTLINE_COOLDOWN_SECONDS"] = "5"
        options = shlex.split(os.environ.get("COMPOSE_ARGS", ""))
        self.compose_command = [*engine(), *options, "-p", PROJECT, "-f", str(ROOT / "docker-compose.yml")]

    def compose(self, *arguments: str, timeout: float = 900) -> None:
        subprocess.run(
            [*self.compose_command, *arguments], cwd=ROOT, env=self.env, check=True, timeout=timeout, stdout=sys.stderr
        )

    def driftline(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "driftline.cli", *arguments]

    @property
    def host_env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
        return kept | {
            "DRIFTLINE_KAFKA": f"127.0.0.1:{self.ports['KAFKA']}",
            "DRIFTLINE_REDIS": f"redis://127.0.0.1:{self.ports['REDIS']}/0",
            "DRIFTLINE_API_PORT": self.ports["API"],
            "DRIFTLINE_DASHBOARD_PORT": self.ports["DASHBOARD"],
            "DRIFTLINE_MLFLOW": f"http://127.0.0.1:{self.ports['MLFLOW']}",
        }

    def status(self) -> dict[str, object]:
        done = subprocess.run(
            self.driftline("status", "--json"),
            env=self.host_env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def dashboard(self) -> dict[str, Any]:
        address = f"http://127.0.0.1:{self.ports['DASHBOARD']}/api/state"
        with urllib.request.urlopen(address, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def wait(self, what: str, reached: Callable[[dict[str, object]], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not reached(status := self.status()):
            if time.monotonic() > deadline:
                self.compose("logs")
                raise SystemExit(f"compose-test: not reached in {seconds:.0f} s: {what} ({status})")
            time.sleep(2)
        say(what)


def check(stack: Stack) -> None:
    """What a user does with the stack."""
    stack.wait("Kafka, Redis and MLflow answer", lambda s: all(p["reachable"] for p in s["parts"].values()), 180)  # type: ignore[attr-defined]
    stack.wait("a first champion is there", lambda s: s["champion"] is not None, 180)
    follow = stack.driftline("alerts", "--follow", "--json")
    with subprocess.Popen(follow, env=stack.host_env, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        replay = stack.driftline(
            "replay", "scenario:sector_shift", "--onset", "1000", "--limit", "6000", "--rate", "300"
        )
        subprocess.run(replay, env=stack.host_env, check=True, timeout=180)
        say("6,000 contacts replayed")
        alert = json.loads(follower.stdout.readline())
        while alert["kind"] == "performance":  # 500 new labels come before the drift
            alert = json.loads(follower.stdout.readline())
        follower.terminate()
    assert alert["schema"] == "driftline.alert/1", alert
    assert alert["at_contact"] > 900, alert
    say(f"alert consumed at contact {alert['at_contact']}: {alert['summary']}")
    counts = {"replayed": 6_000, "scored": 6_000, "monitored": 6_000, "dead_letters": 0}
    stack.wait("all contacts are scored and monitored", lambda s: s["contacts"] == counts, 120)
    stack.wait("a challenger was promoted", lambda s: s["champion"] != "1", 120)
    through_api = stack.driftline("replay", "scenario:sector_shift", "--seed", "1", "--limit", "500", "--to", "http")
    subprocess.run([*through_api, "--fast"], env=stack.host_env, check=True, timeout=120)
    counts = {"replayed": 6_500, "scored": 6_500, "monitored": 6_500, "dead_letters": 0}
    stack.wait("500 more came through the API and are monitored", lambda s: s["contacts"] == counts, 120)
    stack.wait("the dashboard shows the same", lambda s: stack.dashboard()["health"]["contacts"] == counts, 30)
    shown = stack.dashboard()
    assert shown["models"]["champion"] != "1", shown["models"]
    assert alert["id"] in {story["alert"]["id"] for story in shown["alerts"]}, shown["alerts"]
    assert shown["window"]["schema"] == "driftline.window-report/1", shown["window"]


def main() -> None:
    """Up, check, down."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is taken down
    stack = Stack()
    started = time.monotonic()
    try:
        say("building and starting")
        stack.compose("build", "scorer", timeout=1800)  # all workers are of one image
        stack.compose("up", "-d", *SERVICES)
        check(stack)
        say(f"passed in {time.monotonic() - started:.0f} s")
    finally:
        say("taking it down")
        stack.compose("down", "-v", timeout=180)


if __name__ == "__main__":
    main()
