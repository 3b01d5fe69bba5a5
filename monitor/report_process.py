"""Evidently in a process of its own, within limits: whatever becomes of it, the caller lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from driftline.limited_process import LimitedProcess, LimitedProcessError, Line
from monitor.comparison import Compared
from monitor.report_page import About, Tested

TELL_NOBODY = ("DO_NOT_TRACK=1", "EVIDENTLY_DISABLE_TELEMETRY=1")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare, and where the page goes."""

    about: About
    features: list[Compared]
    out: str


class Answer(Line, frozen=True, kw_only=True):
    """What was found."""

    tested: list[Tested] = msgspec.field(default_factory=list)
    left_out: dict[str, str] = msgspec.field(default_factory=dict)
    size: int = 0
    """Of the page, in bytes."""


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
        request = Request(about=about, features=list(features), out=str(out.absolute()))
        child = LimitedProcess(
            "monitor.evidently_report", "Evidently", "DRIFTLINE_REPORT", self.seconds, self.memory_mb, TELL_NOBODY,
            quiet=True,
        )  # fmt: skip
        try:
            return child.ask(request, Answer)
        except LimitedProcessError as fault:
            raise ReportError(f"there is no report: {fault}") from None
