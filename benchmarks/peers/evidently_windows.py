"""Evidently's default test for numbers on every column of a sliding window."""

from __future__ import annotations

import time

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.metrics import ValueDrift

from benchmarks.peers.watching import P_VALUES, WINDOW, Looks, Matrix, Peer, panes, windowed


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The smallest drift score of the columns; the test is called without the report, which draws each column."""
    old = [pd.Series(column) for column in reference.T]
    for end, window in panes(stream):
        new = [pd.Series(column) for column in window.T]
        test = get_stattest(old[0], new[0], ColumnType.Numerical, None)
        yield end, min(test(a, b, ColumnType.Numerical, None).drift_score for a, b in zip(old, new, strict=True))


def report(reference: Matrix, stream: Matrix) -> str:
    """What a whole report costs instead of the tests alone."""
    window = stream[:WINDOW]
    names = [f"x{j}" for j in range(reference.shape[1])]
    columns = DataDefinition(numerical_columns=names)
    old, new = (Dataset.from_pandas(pd.DataFrame(rows, columns=names), columns) for rows in (reference, window))
    began = time.process_time()
    Report([ValueDrift(column=name) for name in names]).run(new, old)
    seconds = time.process_time() - began
    return f"the tests alone; a report on all columns takes {seconds:.1f} s"


PEERS = {
    "evidently": Peer(
        package="evidently",
        setting="the test ValueDrift takes by default (KS) on each column, window 500, after every pane of 50",
        knob="threshold of a column",
        knobs=P_VALUES,
        watch=windowed(looks, WINDOW, small=True),
        patience=1.5,
        note=report,
    )
}
