"""Training in a process of its own, within limits: whatever becomes of it, the retrainer lives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from driftline.events import Contact
from driftline.limited_process import LimitedProcess, LimitedProcessError, Line, Tell, serve
from driftline.workers import speak_as_told
from model.bundle import Bundle
from model.features import FEATURE_SETS
from model.report import Report
from model.retrain import Made, Maker
from model.split import Labelled


class TrainingError(RuntimeError):
    """There is no model; the message says why, and what to do."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to make: a first champion without ``newcomers``, else a challenger."""

    seed: int
    now: datetime
    feature_set: str
    base: Sequence[tuple[Contact, int]]
    newcomers: Sequence[tuple[Contact, int]] | None = None


class Answer(Line, frozen=True, kw_only=True):
    """The model."""

    bundle: bytes = b""
    report: dict[str, Any] = msgspec.field(default_factory=dict)
    trained: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TrainingProcess:
    """Makes models under limits.

    Attributes:
        seconds: after these it is ended.
        memory_mb: of address space.
        progress: told each step.
    """

    seed: int
    feature_set: str
    seconds: float
    memory_mb: int
    progress: Callable[[str], None]

    def make(self, now: datetime, base: Sequence[Labelled], newcomers: Sequence[Labelled] | None = None) -> Made:
        """A first champion of the base set, or, with newcomers, a challenger.

        Raises:
            TrainingError: the contacts cannot be trained on, or a limit was reached.
        """
        request = Request(seed=self.seed, now=now, feature_set=self.feature_set, base=base, newcomers=newcomers)
        child = LimitedProcess(__name__, "the training", "DRIFTLINE_RETRAIN", self.seconds, self.memory_mb)
        try:
            answer = child.ask(request, Answer, self.progress)
        except LimitedProcessError as fault:
            raise TrainingError(str(fault)) from None
        return Made(Bundle.from_bytes(answer.bundle), Report.from_json(answer.report), answer.trained)


def train(request: Request, progress: Tell) -> Answer:
    """The child's work."""
    maker = Maker(
        seed=request.seed, now=request.now, feature_set=FEATURE_SETS[request.feature_set], progress=progress
    )  # fmt: skip
    if request.newcomers is None:
        made = maker.first_champion(request.base)
    else:
        made = maker.challenger(request.base, request.newcomers)
    return Answer(bundle=made.bundle.to_bytes(), report=made.report.to_json(), trained=made.trained)


if __name__ == "__main__":
    speak_as_told("retrain")
    sys.exit(serve(Request, train))
