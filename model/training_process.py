"""Training in a process of its own, with a limit on its time and memory: whatever becomes of it, the retrainer lives.

The request goes in as one JSON document; lines of JSON come out, the last of which holds the model.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Timer
from typing import Any

import msgspec

from driftline.events import Contact
from driftline.workers import speak_as_told
from model.bundle import Bundle
from model.features import FEATURE_SETS
from model.report import Report
from model.retrain import Made, Maker
from model.split import Labelled

ONE_THREAD = ("OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1")
"""For the child's libraries: each thread of theirs would take address space that counts against the limit."""


class TrainingError(RuntimeError):
    """There is no model; the message says why, and what to do."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to make: a first champion without ``newcomers``, else a challenger."""

    seed: int
    now: datetime
    feature_set: str
    memory_mb: int
    base: Sequence[tuple[Contact, int]]
    newcomers: Sequence[tuple[Contact, int]] | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the child says: a step that it begins with, why there is no model, or the model."""

    step: str | None = None
    fault: str | None = None
    bundle: bytes = b""
    report: dict[str, Any] | None = None
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
        request = Request(
            seed=self.seed, now=now, feature_set=self.feature_set, memory_mb=self.memory_mb, base=base,
            newcomers=newcomers,
        )  # fmt: skip
        tether = [sys.executable, "-m", "driftline.tether", str(os.getpid())]
        child = ["/usr/bin/env", *ONE_THREAD, sys.executable, "-m", "model.training_process"]
        with subprocess.Popen(
            [*tether, *child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            timer = Timer(self.seconds, process.kill)
            timer.start()
            try:
                last = self._talk(process, msgspec.json.encode(request))
            finally:
                in_time = timer.is_alive()
                timer.cancel()
                process.kill()
        if last.fault is not None:
            raise TrainingError(last.fault)
        if last.report is not None:
            return Made(Bundle.from_bytes(last.bundle), Report.from_json(last.report), last.trained)
        if not in_time:
            raise TrainingError(f"the training did not end within {self.seconds:g} s: raise DRIFTLINE_RETRAIN_SECONDS")
        raise TrainingError(
            f"the training ended with code {process.returncode}: if it lacked memory, raise"
            f" DRIFTLINE_RETRAIN_MEMORY_MB (now {self.memory_mb})"
        )

    def _talk(self, process: subprocess.Popen[bytes], request: bytes) -> Line:
        """Hand over the request, pass on the steps, return the last line."""
        assert process.stdin is not None
        assert process.stdout is not None
        last = Line()
        try:
            process.stdin.write(request)
            process.stdin.close()
        except BrokenPipeError:  # it has ended already
            return last
        for raw in process.stdout:
            try:
                last = msgspec.json.decode(raw, type=Line)
            except msgspec.MsgspecError:  # cut off when it was ended
                return Line()
            if last.step is not None:
                self.progress(last.step)
        return last


def main() -> int:
    """The child: read a request, make the model, say so."""
    speak_as_told("retrain")
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    limit = request.memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    maker = Maker(
        seed=request.seed, now=request.now, feature_set=FEATURE_SETS[request.feature_set],
        progress=lambda step: _say(Line(step=step)),
    )  # fmt: skip
    try:
        if request.newcomers is None:
            made = maker.first_champion(request.base)
        else:
            made = maker.challenger(request.base, request.newcomers)
        _say(Line(bundle=made.bundle.to_bytes(), report=made.report.to_json(), trained=made.trained))
    except MemoryError:
        _say(Line(fault=f"the training took more than {request.memory_mb} MB: raise DRIFTLINE_RETRAIN_MEMORY_MB"))
    except (ValueError, RuntimeError) as fault:
        _say(Line(fault=str(fault)))
    return 0


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
