"""The monitor, watched as its peers are."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd

from benchmarks.peers.watching import PANE, WINDOW, Found, Matrix, Peer
from monitor import DriftMonitor, Reference
from tests.statistical.streams import HORIZON

CALL = 1_000
"""Contacts in a call of `update`; it makes no difference to the alerts."""


def watch(reference: Matrix, stream: Matrix, knobs: Sequence[float], onset: int, until: float) -> Found:
    """The first alert of any kind at each false-alarm rate; thresholds rise, so after one without alert all are."""
    known, rows = Reference.from_frame(_frame(reference)), _frame(stream)
    began = time.process_time()
    found: list[int | None] = []
    for rate in knobs:
        found.append(_first_alarm(known, rows, rate, onset))
        if found[-1] is None:
            break
    contacts = sum(len(rows) if alarm is None else min(len(rows), -(-alarm // CALL) * CALL) for alarm in found)
    found += [None] * (len(knobs) - len(found))
    watched = [len(rows) if alarm is None else alarm for alarm in found]
    return Found(found, watched, time.process_time() - began, contacts, True)


def _first_alarm(reference: Reference, rows: pd.DataFrame, rate: float, onset: int) -> int | None:
    monitor, began, start = _monitor(reference, rate), 0, 0
    while start < len(rows):
        alerts = monitor.update(rows.iloc[start : start + CALL])
        start += CALL
        if alerts and began + alerts[0].at_contact > onset:
            return began + alerts[0].at_contact
        if alerts:
            began = start = began + alerts[0].at_contact
            monitor = _monitor(reference, rate)
    return None


def _in_fifties(reference: Matrix, stream: Matrix) -> str:
    monitor, rows = _monitor(Reference.from_frame(_frame(reference)), 0.05), _frame(stream)
    began = time.process_time()
    for start in range(0, len(rows), PANE):
        monitor.update(rows.iloc[start : start + PANE])
    each = (time.process_time() - began) / len(rows) * 1e6
    return f"in calls of {CALL:,}; in calls of {PANE} {each:.0f} µs"


def _monitor(reference: Reference, rate: float) -> DriftMonitor:
    return DriftMonitor(reference, window=WINDOW, pane=PANE, false_alarm_rate=rate, horizon=HORIZON)


def _frame(rows: Matrix) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[f"x{j}" for j in range(rows.shape[1])])


OURS = Peer(
    package="driftline",
    setting=f"DriftMonitor, window {WINDOW}, promised for {HORIZON:,} contacts",
    knob="false_alarm_rate",
    knobs=(0.9, 0.5, 0.2, 0.05, 0.01),
    watch=watch,
    patience=3,
    note=_in_fifties,
)
