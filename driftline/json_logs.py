"""Log lines as JSON objects, for whoever collects logs: one a line, ``{"time", "worker", "level", "message"}``.

Lines of libraries bear the name of their ``logger`` too. Of an exception there is the type and the way to it: its text
may quote a contact.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

VOICE = logging.getLogger("driftline")
"""What this process itself says."""


class JsonLines(logging.Formatter):
    """One JSON object of a record."""

    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line.

        >>> record = logging.LogRecord("driftline", logging.INFO, "", 0, "ready", None, None)
        >>> json.loads(JsonLines("score").format(record)) | {"time": ""}
        {'time': '', 'worker': 'score', 'level': 'info', 'message': 'ready'}
        """
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "worker": self._worker,
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
        }
        if record.name != VOICE.name:
            line["logger"] = record.name
        if record.exc_info and record.exc_info[0] is not None:
            line["message"] = _without_text(str(line["message"]), record.exc_info[1])
            line["exception"] = record.exc_info[0].__name__
            line["traceback"] = _way(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def speak_json(worker: str, stream: TextIO | None = None) -> None:
    """From now on what this process and its libraries say, and what ends it, a thread or a clean-up, is JSON.

    Args:
        worker: the command that runs.
        stream: where to (default: standard error).
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(worker))
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    VOICE.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.unraisablehook = lambda about: _ended(
        f"the clean-up of a {type(about.object).__name__}", about.exc_type, about.exc_value, about.exc_traceback
    )
    sys.excepthook = lambda kind, fault, way: _ended("this process", kind, fault, way)
    threading.excepthook = lambda about: _ended(
        f"the thread {about.thread.name if about.thread else '?'}", about.exc_type, about.exc_value, about.exc_traceback
    )


def _ended(who: str, kind: type[BaseException], fault: BaseException | None, way: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):
        VOICE.critical("%s ended by %s", who, kind.__name__, exc_info=(kind, fault or kind(), way))


def _without_text(message: str, fault: BaseException | None) -> str:
    """A message that may quote the exception that it is about, with the exception's name instead."""
    for quoted in filter(None, (repr(fault), str(fault))):
        message = message.replace(quoted, type(fault).__name__)
    return message


def _way(way: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(way)]
