"""How a detector is watched: the first alarm at or after an onset, for each setting of its sensitivity."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Looks = Iterator[tuple[int, float]]
"""How many contacts there were, and the score after them."""
Row = Callable[[list[float]], bool]
"""Takes in a contact, and says whether that raised an alarm."""

REFERENCE_ROWS, WINDOW, PANE, CALM, LASTING = 1_000, 500, 50, 1_125, 3_000
"""CALM ends in the middle of a pane of 50 and of a chunk of 250, so that neither happens to begin with the drift."""

P_VALUES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
"""The thresholds of detectors that test each column."""


@dataclass(frozen=True)
class Found:
    """What came of one run.

    Attributes:
        alarms: per setting the contact of the first alarm after the onset, None if there was none.
        watched: per setting the contacts that were watched.
        cpu: CPU seconds.
        contacts: the contacts that these were spent on.
        complete: the time did not run out.
    """

    alarms: list[int | None]
    watched: list[int]
    cpu: float
    contacts: int
    complete: bool


Watch = Callable[[Matrix, Matrix, Sequence[float], int, float], Found]
"""Reference, stream, settings, onset, and the `time.process_time` by which to stop."""


@dataclass(frozen=True)
class Peer:
    """A detector to compare with.

    Attributes:
        knob: what is varied, from the most to the least sensitive.
        warm: contacts before the onset that a run with drift begins with; fewer than all of them where a detector
            remembers no more and is too slow for all.
        lasting: contacts with drift.
        null: how it is watched without drift, where that is quicker otherwise.
        patience: how many times the CPU time of the others it gets.
        note: something more to say about its cost, of a reference and a stream.
    """

    package: str
    setting: str
    knob: str
    knobs: tuple[float, ...]
    watch: Watch
    warm: int = CALM
    lasting: int = LASTING
    null: Watch | None = None
    patience: float = 1
    note: Callable[[Matrix, Matrix], str] | None = None


def windowed(looks: Callable[[Matrix, Matrix], Looks], blind: int, *, small: bool = False) -> Watch:
    """Watch a score that does not depend on the setting: one run serves all of them.

    Args:
        blind: contacts after a restart until there is a score again; the score is that of an unrestarted detector then.
        small: it is small scores that raise an alarm, as p-values do.
    """
    sign = -1 if small else 1

    def watch(reference: Matrix, stream: Matrix, knobs: Sequence[float], onset: int, until: float) -> Found:
        alarms: list[int | None] = [None] * len(knobs)
        awake, at, complete, began = [0] * len(knobs), 0, True, time.process_time()
        for position, score in looks(reference, stream):
            at = position
            for k, knob in enumerate(knobs):
                if alarms[k] is None and at >= awake[k] and sign * score > sign * knob:
                    alarms[k], awake[k] = (at, 0) if at > onset else (None, at + blind)
            complete = None not in alarms or time.process_time() < until
            if None not in alarms or not complete:
                break
        watched = [at if alarm is None else alarm for alarm in alarms]
        return Found(alarms, watched, time.process_time() - began, at, complete)

    return watch


def restarted(build: Callable[[Matrix, float], Row]) -> Watch:
    """Watch a detector that is built anew for each setting, and after each alarm before the onset."""

    def watch(reference: Matrix, stream: Matrix, knobs: Sequence[float], onset: int, until: float) -> Found:
        alarms: list[int | None] = []
        watched, cpu = [], 0.0
        rows = stream.tolist()
        for knob in knobs:
            update, began, at, alarm = build(reference, knob), time.process_time(), 0, None
            for at, row in enumerate(rows, 1):
                if update(row):
                    if at > onset:
                        alarm = at
                        break
                    update = build(reference, knob)
            cpu += time.process_time() - began
            alarms.append(alarm)
            watched.append(at)
        return Found(alarms, watched, cpu, sum(watched), True)

    return watch


def panes(stream: Matrix) -> Iterator[tuple[int, Matrix]]:
    """The window after every pane, once it is full."""
    for end in range(WINDOW, len(stream) + 1, PANE):
        yield end, stream[end - WINDOW : end]
