"""What every worker process has in common: its voice, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from driftline.json_logs import VOICE, JsonLines, speak_json
from driftline.settings import SettingsError

WARNING = "WARNING: "
"""What a line begins with that is one."""


def say(line: str) -> None:
    """One line of progress on standard error: with the time, or as JSON."""
    if _speaks_json():
        warns = line.startswith(WARNING)
        VOICE.log(logging.WARNING if warns else logging.INFO, "%s", line.removeprefix(WARNING))
    else:
        print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def say_why(fault: Exception) -> None:
    """Why this process ends, on one line."""
    line = str(fault).replace("\n", " ")
    if _speaks_json():
        VOICE.error("%s", line)
    else:
        print(f"driftline: {line}", file=sys.stderr, flush=True)


def speak_as_told(worker: str, log_format: str | None = None) -> None:
    """Say things as ``DRIFTLINE_LOG_FORMAT`` asks for, in this process and in those that it starts.

    Args:
        log_format: of the settings, which may come from a ``.env`` file; None before these have been read.
    """
    if (log_format or os.environ.get("DRIFTLINE_LOG_FORMAT")) == "json":
        os.environ["DRIFTLINE_LOG_FORMAT"] = "json"
        os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"  # else it writes lines of its own
        speak_json(worker)


def _speaks_json() -> bool:
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.root.handlers)


def print_json(document: Any) -> None:
    """One document on standard output, on one line."""
    print(json.dumps(document, ensure_ascii=False), flush=True)


class Interrupted(SystemExit):
    """A signal asked this process to end; what runs unwinds and cleans up. Exit code 130."""

    def __init__(self) -> None:
        super().__init__(130)


class Stopped(Exception):  # noqa: N818  (no error: the worker is asked to end)
    """What was waited for has not come, and the worker is to end."""


def stop_on_signals() -> threading.Event:
    """A flag that SIGTERM and SIGINT set; the worker looks at it between two batches."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def raise_on_signals() -> None:
    """SIGTERM and SIGINT raise `Interrupted` in the main thread, once; a second one does not disturb the clean-up."""

    def interrupt(*_: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)


def unwritable(home: Path, fault: OSError) -> str:
    """What to say, and to do, about a home folder that cannot be written to."""
    return f"cannot write to {home} ({fault.strerror}): set DRIFTLINE_HOME to a folder that you may write to"


def ready_file(home: Path, worker: str) -> Path:
    """The file that is there while a worker of this home takes part in the stream; health checks look for it."""
    return home / "ready" / worker


def clear_ready(home: Path, worker: str) -> None:
    """What a predecessor left must not say that this worker is ready.

    Raises:
        SettingsError: the home folder cannot be written to.
    """
    marker = ready_file(home, worker)
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.unlink(missing_ok=True)
    except OSError as fault:
        raise SettingsError(unwritable(home, fault)) from None


def mark_ready(home: Path, worker: str) -> None:
    """Say that this worker has joined its group and owns its partitions."""
    marker = ready_file(home, worker)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
