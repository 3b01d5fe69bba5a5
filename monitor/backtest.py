"""The alerts that a table of past contacts would have raised: the engine over a file, without a broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from driftline.events import Alert, Promise
from monitor.drift_monitor import DriftMonitor
from monitor.features import Floats
from monitor.findings import Report, strengths
from monitor.reference import Reference


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a backtest found.

    Attributes:
        alerts: the state changes in order; ``at_contact`` counts the rows of the stream.
        tested_at: after how many rows the window was tested.
        strength: for each of these tests and each column the strongest test over its threshold, shape
            (tests, columns); 1 and more is drift.
        drift_share: at each of these tests.
        not_in_reference: columns of the stream that have nothing to be compared with.
        not_in_stream: columns of the reference that the stream lacks; every value counts as missing.
    """

    reference: Reference
    rows: int
    promise: Promise
    alerts: list[Alert]
    tested_at: list[int]
    strength: Floats
    drift_share: list[float]
    not_in_reference: list[str]
    not_in_stream: list[str]

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data, alerts as on the topic."""
        return {
            "rows": self.rows,
            "reference": {"id": self.reference.id, "rows": self.reference.rows, "columns": len(self.reference.columns)},
            "promise": msgspec.to_builtins(self.promise),
            "untested": self.untested,
            "alerts": [msgspec.to_builtins(alert) for alert in self.alerts],
        }

    @property
    def untested(self) -> dict[str, str]:
        """Columns that were not tested, or not by all tests, and why."""
        why = dict.fromkeys(self.not_in_reference, "not in the reference")
        why |= dict.fromkeys(self.not_in_stream, "not in the stream: every value counts as missing")
        return why | self.reference.untested


def backtest(
    stream: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    window: int = 500,
    pane: int = 50,
    false_alarm_rate: float = 0.05,
    horizon: int = 20_000,
    progress: Callable[[int], None] = lambda _: None,
) -> Backtest:
    """Fold the rows of ``stream``, in order, against ``reference``.

    Args:
        progress: told how many rows have been taken in.

    Raises:
        ValueError: a parameter is out of its range, or the two have no column in common.
    """
    made = Reference.from_frame(reference)
    monitor = DriftMonitor(made, window=window, pane=pane, false_alarm_rate=false_alarm_rate, horizon=horizon)
    reports: list[Report] = []
    alerts: list[Alert] = []
    for begin in range(0, len(stream), 10 * pane):
        alerts += monitor.update(stream.iloc[begin : begin + 10 * pane], observe=reports.append)
        progress(min(len(stream), begin + 10 * pane))
    tested = [report for report in reports if report.full]
    plan = monitor.plan
    held, names = set(map(str, stream.columns)), [feature.name for feature in made.features]
    return Backtest(
        reference=made,
        rows=len(stream),
        promise=monitor.promise,
        alerts=alerts,
        tested_at=[report.at_contact for report in tested],
        strength=np.array([strengths(plan, report.look) for report in tested]).reshape(-1, len(made.columns)),
        drift_share=[report.findings.drift_share for report in tested],
        not_in_reference=sorted(held - set(names)),
        not_in_stream=[name for name in names if name not in held],
    )
