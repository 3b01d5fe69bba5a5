"""Thresholds for a whole run: P(any false alarm within the horizon, on any feature) ≤ the false-alarm rate.

A p-value answers for one test; a monitor tests every feature after every pane for months. So the threshold is a
quantile of the largest rolling statistic over a run without drift, simulated once (`monitor.build_calibration`):

- For continuous data the statistic's law does not depend on the data's, and ties only lower it (a feature with ties
  is a monotone map of one without), so one table serves numbers, categories and 0/1 features.
- Over features the budget is divided (Bonferroni), which holds whatever their dependence.
- Over runs longer than the simulated one it is divided too (a union bound over stretches of that length).

It promises for independent contacts. Serial dependence, such as imports sorted by company, breaks it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Threshold:
    """The statistic D from which on a feature counts as drifting; ``why`` says why no promise comes with it."""

    statistic: float
    why: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the false-alarm rate is promised."""
        return self.why is None


@cache
def load_table() -> Mapping[str, Any]:
    """The shipped table."""
    table: Mapping[str, Any] = json.loads((files("data") / "calibration" / "rolling_ks.json").read_text("utf-8"))
    return table


@lru_cache(maxsize=256)
def threshold(
    *, reference_rows: int, window: int, pane: int, features: int, false_alarm_rate: float, horizon: int
) -> Threshold:
    """The threshold for D.

    >>> at = threshold(reference_rows=1000, window=500, pane=50, features=48, false_alarm_rate=.05, horizon=20_000)
    >>> at.holds, 0.12 < at.statistic < 0.16
    (True, True)
    """
    table = load_table()
    stretches = max(1, math.ceil(horizon / window / table["run_windows"]))
    level = false_alarm_rate / features / stretches
    ratios = [design["ratio"] for design in table["designs"]]
    ratio = reference_rows / window
    scaled = [_quantile(table["probabilities"], design["quantiles"], level) for design in table["designs"]]
    at = float(np.interp(math.log(ratio), np.log(ratios), scaled))
    statistic = min(1.0, at * math.sqrt((reference_rows + window) / (reference_rows * window)))
    return Threshold(statistic, _doubt(table, ratio, ratios, window, pane, statistic))


def _quantile(probabilities: list[float], quantiles: list[float], level: float) -> float:
    """The quantile at ``level``: log p is close to linear in the squared statistic, inside the table and beyond it."""
    squared, logs = np.square(quantiles), np.log(probabilities)
    wanted = math.log(level)
    if wanted >= logs[-1]:
        return float(np.sqrt(np.interp(-wanted, -logs, squared)))
    # Beyond the last simulated quantile along the flattest slope near the end, so rather too high than too low.
    slope = max((squared[-1] - squared[i]) / (logs[i] - logs[-1]) for i in (-3, -4, -5))
    return float(np.sqrt(squared[-1] + slope * (logs[-1] - wanted)))


def _doubt(
    table: Mapping[str, Any], ratio: float, ratios: list[float], window: int, pane: int, statistic: float
) -> str | None:
    if statistic >= 1.0:
        return "no statistic can reach the threshold: take a larger window or reference"
    if ratio < ratios[0]:
        return f"the reference is under {ratios[0]:.0%} of the window, smaller than what was calibrated"
    if pane * table["panes_per_window"] < window:
        return f"panes of {pane} test more often than the {table['panes_per_window']} times a window calibrated for"
    return None
