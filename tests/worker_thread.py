"""A worker as a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from driftline.settings import Settings

Run = Callable[[Settings, Callable[[str], None], threading.Event], None]


@contextmanager
def worker_thread(run: Run, settings: Settings, lines: list[str]) -> Iterator[None]:
    """The worker while the block runs, which it has to survive; then it ends in time.

    Args:
        lines: what it says is added.
    """
    stop = threading.Event()
    worker = threading.Thread(target=run, args=(settings, lines.append, stop))
    worker.start()
    try:
        yield
        assert worker.is_alive(), lines
    finally:
        stop.set()
        worker.join(10)
        assert not worker.is_alive()
