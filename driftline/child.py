"""A process of the local stack: how it is started, tied to this one, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Child:
    """One process of the stack and how to start it again."""

    name: str
    command: list[str]
    log: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, tied to this process, its output appended to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        tether = [sys.executable, "-m", "driftline.tether", str(os.getpid())]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*tether, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,  # Ctrl-C is the parent's to pass on
            )

    def last_line(self) -> str:
        """The last thing it said, for an error message."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


def end(children: Iterable[Child], seconds: float) -> None:
    """End some of them: SIGTERM to all, -9 to what is left after so many seconds."""
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
