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
        "mlflow": {"reachable": _mlflow_answers(settings), "address": settings.mlflow or "(not set)"},
    }
    for name, address in (("api", settings.api_address), ("dashboard", settings.dashboard_address)):
        if address is not None:
            parts[name] = {"reachable": _listens(address), "address": address}
    return parts


def read_workers(settings: Settings) -> dict[str, dict[str, Any]]:
    """The workers of the local stack, where one is up; how far they are behind is not looked at here."""
    workers: dict[str, dict[str, Any]] = {name: {"pid": None, "alive": False, "lag": None} for name in WORKERS}
    for name, pid in _pids(settings).items():
        if name == "notify":  # it runs where there is somebody to tell
            workers[name] = {"lag": None}
        if name in workers:
            workers[name] |= {"pid": pid, "alive": _is_alive(pid)}
    return workers


def status_lines(status: Status) -> list[str]:
    """The status for people."""
    lines = [
        f"{name:8} {'reachable' if part['reachable'] else 'NOT REACHABLE'}  {part['address']}"
        for name, part in status["parts"].items()
    ]
    for name, worker in status["workers"].items():
        about = (
            f"pid {worker['pid']}, {'alive' if worker['alive'] else 'DEAD'}" if worker["pid"] else "not of this stack"
        )
        lines.append(f"{name:8} {about}" + ("" if worker["lag"] is None else f", {worker['lag']:,} contacts behind"))
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in status["contacts"].items())
    return [
        *lines,
        f"contacts {counts}",
        f"labels   {labels_line(msgspec.convert(status['labels'], LabelAccount))}",
        f"champion {status['champion']}",
        f"firing   {', '.join(status['firing']) or 'nothing'}",
        *([] if status["retraining"] is None else [_retraining_line(status["retraining"])]),
    ]


def _retraining_line(about: dict[str, str]) -> str:
    what = f"for alert {about['alert']}" if about["alert"] else "without an alert"
    return f"retrain  {about['step']} since {about['since'][11:19]} UTC, {what}"


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
        return bool(open_redis(settings).ping())
    except RedisError:
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


def _pids(settings: Settings) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads(settings.stack_file.read_text("utf-8"))["pids"]
    except (OSError, ValueError, KeyError):
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
