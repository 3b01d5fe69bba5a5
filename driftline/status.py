"""What is reachable, who works, how far the contacts have come: `driftline status`."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlsplit

import msgspec

from driftline.counts import Counter, champion, firing, labels, labels_line
from driftline.events import LabelAccount
from driftline.kafka_clients import wait_for_kafka
from driftline.redis_client import RETRAIN_PROGRESS, RedisError, open_redis, redis_address
from driftline.settings import Settings

LOOK_SECONDS = 1.0
"""That an answer of Redis may take, where one is only to see whether it is there."""
WORKERS = ("score", "monitor", "retrain", "api", "dashboard")


class Status(TypedDict):
    """`driftline status --json`."""

    parts: dict[str, dict[str, Any]]
    workers: dict[str, dict[str, Any]]
    contacts: dict[str, int]
    labels: dict[str, Any]
    champion: str | None
    firing: list[str]
    retraining: dict[str, str] | None
    """What the retrainer is doing now, and for which alert; None while it waits."""


def read_status(settings: Settings) -> Status:
    """Ask every part; what cannot be reached is said so, not raised."""
    parts = read_parts(settings)
    status = Status(
        parts=parts,
        workers=read_workers(settings),
        contacts={"replayed": 0, "scored": 0, "monitored": 0, "dead_letters": 0},
        labels=msgspec.to_builtins(LabelAccount()),
        champion=None,
        firing=[],
        retraining=read_retraining(settings) if parts["redis"]["reachable"] else None,
    )
    if parts["kafka"]["reachable"]:
        counts = Counter(settings).read()
        status["contacts"] = counts.as_dict()
        status["workers"]["score"]["lag"] = counts.replayed - counts.scored - counts.dead_letters
        status["workers"]["monitor"]["lag"] = counts.scored - counts.monitored
        status["labels"] = msgspec.to_builtins(labels(settings))
        status["champion"] = champion(settings)
        status["firing"] = list(firing(settings))
    return status


def read_parts(settings: Settings) -> dict[str, dict[str, Any]]:
    """Of every part its address, and whether it answers there."""
    parts = {
        "kafka": {"reachable": _kafka_answers(settings), "address": settings.kafka or "(not set)"},
        "redis": {"reachable": _redis_answers(settings), "address": redis_address(settings)},
        "mlflow": {"reachable": _mlflow_answers(settings), "address": _shown(settings.mlflow or "(not set)")},
    }
    for name, address in (("api", settings.api_address), ("dashboard", settings.dashboard_address)):
        if address is not None:
            parts[name] = {"reachable": _listens(address), "address": address}
    return parts


def read_workers(settings: Settings) -> dict[str, dict[str, Any]]:
    """The workers of the local stack, where one is up; how far they are behind is not looked at here."""
    stack = _stack(settings)
    pids, metrics = stack.get("pids", {}), stack.get("metrics", {})
    names = [*WORKERS, *(["notify"] if "notify" in pids else [])]  # it runs where there is somebody to tell
    return {
        name: {
            "pid": (pid := pids.get(name)),
            "alive": pid is not None and _is_alive(pid),
            "lag": None,
            "metrics": metrics.get(name),
        }
        for name in names
    }


def status_lines(status: Status) -> list[str]:
    """The status for people, and for `grep` and `awk`: two tables, whose columns hold no blanks, and lines by name."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in status["contacts"].items())
    return [
        f"{'PART':9} {'STATE':11}  ADDRESS",
        *(f"{name:9} {_state(part['reachable'])}  {part['address']}" for name, part in status["parts"].items()),
        "",
        f"{'WORKER':9} {'STATE':7} {'PID':>8} {'BEHIND':>8}  METRICS",
        *(_worker_line(name, worker) for name, worker in status["workers"].items()),
        "",
        f"contacts  {counts}",
        f"labels    {labels_line(msgspec.convert(status['labels'], LabelAccount))}",
        f"champion  {status['champion'] or 'none yet: `driftline retrain` makes the first one'}",
        f"firing    {', '.join(status['firing']) or 'nothing'}",
        *([] if status["retraining"] is None else [_retraining_line(status["retraining"])]),
    ]


def _state(reachable: bool) -> str:
    return "reachable  " if reachable else "UNREACHABLE"


def _worker_line(name: str, worker: dict[str, Any]) -> str:
    """A dash stands for what is not known: a worker that the local stack has not started is another machine's."""
    state = "-" if worker["pid"] is None else "alive" if worker["alive"] else "DEAD"
    behind = "-" if worker["lag"] is None else str(worker["lag"])
    return f"{name:9} {state:7} {worker['pid'] or '-':>8} {behind:>8}  {worker['metrics'] or '-'}"


def _retraining_line(about: dict[str, str]) -> str:
    what = f"for alert {about['alert']}" if about["alert"] else "without an alert"
    return f"retraining  {about['step']} since {about['since'][11:19]} UTC, {what}"


def read_retraining(settings: Settings) -> dict[str, str] | None:
    """What the retrainer is doing now, None where that is nothing or Redis does not tell."""
    try:
        found: Any = open_redis(settings).hgetall(RETRAIN_PROGRESS)
    except RedisError:
        return None
    return found or None


def _kafka_answers(settings: Settings) -> bool:
    if settings.kafka is None:
        return False
    try:
        wait_for_kafka(settings, lambda _: None, timeout=1.0)
    except TimeoutError:
        return False
    return True


def _redis_answers(settings: Settings) -> bool:
    if settings.redis_url is None:
        return False
    try:
        return bool(open_redis(settings, seconds=LOOK_SECONDS).ping())
    except RedisError:
        return False


def _mlflow_answers(settings: Settings) -> bool:
    uri = settings.mlflow or ""
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///")).exists()
    return _listens(uri)


def _shown(uri: str) -> str:
    """A URI without the user and the password that may be in it.

    >>> _shown("https://user:secret@mlflow.example.invalid/"), _shown("sqlite:////var/lib/driftline/mlflow.db")
    ('https://mlflow.example.invalid/', 'sqlite:////var/lib/driftline/mlflow.db')
    """
    server = urlsplit(uri).netloc
    return uri.replace(server, server.rpartition("@")[2], 1)


def _listens(uri: str) -> bool:
    """Whether something takes connections at the address of a URI."""
    address = urlsplit(uri)
    if not address.hostname:
        return False
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((address.hostname, port), timeout=2):
            return True
    except OSError:
        return False


def _stack(settings: Settings) -> dict[str, Any]:
    """What the local stack of this home says of itself; empty where none is up."""
    try:
        found: dict[str, Any] = json.loads(settings.stack_file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
