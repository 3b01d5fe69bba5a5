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
from driftline.redis_client import RETRAIN_PROGRESS, UNREACHABLE, open_redis, redis_address
from driftline.settings import Settings

WORKERS = ("score", "monitor", "retrain", "api")


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
    parts = {
        "kafka": {"reachable": _kafka_answers(settings), "address": settings.kafka or "(not set)"},
        "redis": {"reachable": _redis_answers(settings), "address": redis_address(settings)},
        "mlflow": {"reachable": _mlflow_answers(settings), "address": settings.mlflow or "(not set)"},
    }
    if settings.api_address is not None:
        parts["api"] = {"reachable": _listens(settings.api_address), "address": settings.api_address}
    status = Status(
        parts=parts,
        workers={name: {"pid": None, "alive": False, "lag": None, "metrics": None} for name in WORKERS},
        contacts={"replayed": 0, "scored": 0, "monitored": 0, "dead_letters": 0},
        labels=msgspec.to_builtins(LabelAccount()),
        champion=None,
        firing=[],
        retraining=_retraining(settings) if parts["redis"]["reachable"] else None,
    )
    stack = _stack(settings)
    for name, worker in status["workers"].items():
        pid = stack.get("pids", {}).get(name)
        worker |= {"pid": pid, "alive": pid is not None and _is_alive(pid)}
        worker["metrics"] = stack.get("metrics", {}).get(name)
    if parts["kafka"]["reachable"]:
        counts = Counter(settings).read()
        status["contacts"] = counts.as_dict()
        status["workers"]["score"]["lag"] = counts.replayed - counts.scored - counts.dead_letters
        status["workers"]["monitor"]["lag"] = counts.scored - counts.monitored
        status["labels"] = msgspec.to_builtins(labels(settings))
        status["champion"] = champion(settings)
        status["firing"] = list(firing(settings))
    return status


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


def _retraining(settings: Settings) -> dict[str, str] | None:
    try:
        found: Any = open_redis(settings).hgetall(RETRAIN_PROGRESS)
    except UNREACHABLE:
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
        return bool(open_redis(settings).ping())
    except UNREACHABLE:
        return False


def _mlflow_answers(settings: Settings) -> bool:
    uri = settings.mlflow or ""
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///")).exists()
    return _listens(uri)


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
