"""``logs/predictions.jsonl``: one line a prediction of the API, rotated by size. No contact's text is in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec

from consumers.contact_requests import Scored


class Line(msgspec.Struct, frozen=True, gc=False):
    """One prediction."""

    at: datetime
    contact_id: str
    score: float
    label: str
    confidence: str
    model_version: str
    inference_ms: float


class PredictionLog:
    """The log and its ``files`` predecessors (``predictions.jsonl.1`` is the newest), each of about ``size`` bytes.

    A log that cannot be written is said once, and holds nothing up: what counts are the topics.
    """

    def __init__(self, path: Path, say: Callable[[str], None], *, size: int, files: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = _Rotated(path, say, size, files)
        self._encoder = msgspec.json.Encoder()

    def write(self, at: datetime, predictions: Sequence[Scored]) -> None:
        """The predictions of one request, all in one file."""
        lines = [
            Line(at, p.contact_id, p.score, p.label, p.confidence, p.model_version, p.inference_ms) for p in predictions
        ]
        text = self._encoder.encode_lines(lines).decode().rstrip("\n")
        self._handler.handle(logging.makeLogRecord({"msg": text}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class _Rotated(RotatingFileHandler):
    def __init__(self, path: Path, say: Callable[[str], None], size: int, files: int) -> None:
        super().__init__(path, maxBytes=size, backupCount=files, encoding="utf-8", delay=True)
        self._say: Callable[[str], None] | None = say

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        """Said once; logging's own way is a traceback each time."""
        if self._say is not None:
            self._say(f"predictions are not written to {self.baseFilename}: is the disk full?")
            self._say = None
