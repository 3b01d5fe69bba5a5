"""Evidently in a process of its own, with a limit on its time and memory: whatever becomes of it, the caller lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import msgspec

from monitor.comparison import Compared
from monitor.report_page import About, Tested

CHILD = (
    "/usr/bin/env", "DO_NOT_TRACK=1", "EVIDENTLY_DISABLE_TELEMETRY=1",
    "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1",
)  # fmt: skip
"""Nothing is told to anybody; and each thread of a library would take address space that counts against the limit."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare, where the page goes, and what may be spent on it."""

    about: About
    features: list[Compared]
    out: str
    seconds: int
    memory_mb: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, or why nothing was."""

    tested: list[Tested] = []
    left_out: dict[str, str] = {}
    size: int = 0
    """Of the page, in bytes."""
    fault: str | None = None


class ReportError(RuntimeError):
    """There is no report; the message says why, and what to do."""


@dataclass(frozen=True)
class ReportProcess:
    """Makes reports under limits.

    Attributes:
        seconds: after these it is ended.
        memory_mb: of address space.
    """

    seconds: float
    memory_mb: int

    def make(self, about: About, features: Sequence[Compared], out: Path) -> Answer:
        """Write the page of these features.

        Raises:
            ReportError: a limit was reached, Evidently cannot take these rows, or ``out`` cannot be written.
        """
        request = Request(
            about=about, features=list(features), out=str(out.absolute()), seconds=ceil(self.seconds),
            memory_mb=self.memory_mb,
        )  # fmt: skip
        tether = [sys.executable, "-m", "driftline.tether", str(os.getpid())]
        try:
            ran = subprocess.run(
                [*tether, *CHILD, sys.executable, "-m", "monitor.evidently_report"],
                input=msgspec.json.encode(request), capture_output=True, timeout=self.seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise self._too_slow() from None
        if ran.returncode == -signal.SIGXCPU:
            raise self._too_slow()
        try:
            answer = msgspec.json.decode(ran.stdout, type=Answer)
        except msgspec.MsgspecError:
            raise ReportError(self._why(ran)) from None
        if answer.fault is not None:
            raise ReportError(f"Evidently made no report: {answer.fault}")
        return answer

    def _too_slow(self) -> ReportError:
        return ReportError(f"Evidently did not end within {self.seconds:g} s: raise DRIFTLINE_REPORT_SECONDS")

    def _why(self, ran: subprocess.CompletedProcess[bytes]) -> str:
        lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        return (
            f"Evidently ended with code {ran.returncode} ({lines[-1] if lines else 'it said nothing'}): if it lacked"
            f" memory, raise DRIFTLINE_REPORT_MEMORY_MB (now {self.memory_mb})"
        )
