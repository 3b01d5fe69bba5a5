"""Single keys of the terminal, for commands that run for long: no Enter, no echo, and the terminal as it was after."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keys(pressed: Callable[[str], None]) -> Iterator[bool]:
    """Tell of every key while the context lasts; yields whether there is a terminal to press them in.

    There is none for what runs in the background or reads from a pipe. Ctrl-C stays a signal. However the context is
    left, the terminal is set back; after kill -9 the shell does that.
    """
    if not _in_the_foreground():
        yield False
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    done = threading.Event()
    reader = threading.Thread(target=_read, args=(terminal, pressed, done), daemon=True)
    try:
        tty.setcbreak(terminal, termios.TCSANOW)
        reader.start()
        yield True
    finally:
        done.set()
        reader.join(1)
        if _in_the_foreground():
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _read(terminal: int, pressed: Callable[[str], None], done: threading.Event) -> None:
    while not done.is_set():
        if select.select([terminal], [], [], 0.1)[0] and _in_the_foreground():
            key = os.read(terminal, 1)
            if not key:
                return  # the terminal is gone
            pressed(key.decode("ascii", "replace"))


def _in_the_foreground() -> bool:
    """Whether standard input and error are this process's terminal: a job in the background must leave it alone."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal, or closed
        return False
