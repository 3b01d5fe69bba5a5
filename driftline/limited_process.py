"""Work in a process of its own, with a limit on its time and memory: whatever becomes of it, who asks for it lives.

Who asks has a `LimitedProcess`; the module that does the work calls `serve`. The request goes in as one JSON document;
lines of JSON come out: the steps of the work, and last the answer.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer
from typing import TypeVar

import msgspec

ONE_THREAD = ("OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1")
"""For the child's libraries: each thread of theirs would take address space that counts against the limit."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the child says: a step that it begins with, why there is no answer, or, in a subclass, the answer."""

    step: str | None = None
    fault: str | None = None
    failed: str | None = None
    """A fault that nobody expected, which may be for want of memory."""


class LimitedProcessError(RuntimeError):
    """There is no answer; the message says why, and what to do."""


Request = TypeVar("Request")
Answer = TypeVar("Answer", bound=Line)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class LimitedProcess:
    """A module of ours, run under limits.

    Attributes:
        name: what messages call it, such as "the training".
        settings: what the names of its two settings begin with, such as ``DRIFTLINE_RETRAIN``.
        seconds: after these it is ended.
        memory_mb: of address space.
        environment: more of it, each as ``NAME=value``.
        quiet: nobody reads what it writes on standard error.
    """

    module: str
    name: str
    settings: str
    seconds: float
    memory_mb: int
    environment: Sequence[str] = ()
    quiet: bool = False

    def ask(self, request: msgspec.Struct, kind: type[Answer], progress: Tell = lambda _: None) -> Answer:
        """Its answer, which is of this kind; ``progress`` is told each step.

        Raises:
            LimitedProcessError: it says that there is none, a limit was reached, or it ended otherwise.
        """
        tether = (sys.executable, "-m", "driftline.tether", str(os.getpid()))
        child = ("/usr/bin/env", *ONE_THREAD, *self.environment, sys.executable, "-m", self.module)
        with subprocess.Popen(
            [*tether, *child, str(self.memory_mb)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if self.quiet else None, start_new_session=True,
        ) as process:  # fmt: skip
            timer = Timer(self.seconds, process.kill)
            timer.start()
            try:
                last = _talk(process, msgspec.json.encode(request), kind, progress)
            finally:
                in_time = timer.is_alive()
                timer.cancel()
                process.kill()
        if last is not None and last.fault is last.failed is None:
            return last
        raise LimitedProcessError(self._why(last, process.returncode, in_time))

    def _why(self, last: Line | None, code: int, in_time: bool) -> str:
        if last is not None and last.fault is not None:
            return last.fault
        if last is None and not in_time:
            return f"{self.name} did not end within {self.seconds:g} s: raise {self.settings}_SECONDS"
        how = f"ended with code {code}" if last is None else f"failed ({last.failed})"
        return f"{self.name} {how}: if it lacked memory, raise {self.settings}_MEMORY_MB (now {self.memory_mb})"


def _talk(process: subprocess.Popen[bytes], request: bytes, kind: type[Answer], progress: Tell) -> Answer | None:
    """Hand over the request and pass on the steps; None where it was ended before its last line."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it has ended already
        process.stdin.write(request)
        process.stdin.close()
    for raw in process.stdout:
        try:
            line = msgspec.json.decode(raw, type=kind)
        except msgspec.MsgspecError:  # cut off
            return None
        if line.step is None:
            return line
        progress(line.step)
    return None


def serve(kind: type[Request], work: Callable[[Request, Tell], Line]) -> int:
    """The child: read a request, work on it under the limit of memory, say the answer, or why there is none.

    Args:
        work: takes the request and what is told each step; what it expects to go wrong is a ValueError, RuntimeError
            or OSError.
    """
    request, memory = msgspec.json.decode(sys.stdin.buffer.read(), type=kind), int(sys.argv[1]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what libraries print is no line of ours

        def say(line: Line) -> None:
            out.write(msgspec.json.encode(line) + b"\n")
            out.flush()

        try:
            say(work(request, lambda step: say(Line(step=step))))
        except (ValueError, RuntimeError, OSError) as fault:
            say(Line(fault=str(fault)))
        except Exception as fault:
            say(Line(failed=f"{type(fault).__name__}: {fault}".removesuffix(": ")))
            raise
    return 0
