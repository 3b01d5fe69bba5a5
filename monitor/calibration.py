"""Thresholds for a whole run: P(any false alarm within the horizon, by any test) ≤ the false-alarm rate.

A p-value answers for one test; a monitor tests every feature after every pane for months. One budget pays for all:

- `EARLY` of it goes to the sequential evidence (`monitor.sequential`), whose threshold needs no simulation:
  P(evidence reaches c within t contacts) ≤ t/c. That this holds for the maximum over a run too was found, not proved,
  so a part of the budget is kept back.
- `OF_WINDOW` goes to the tests of the window, in equal parts to the columns, then to their features and tests
  (Bonferroni, which holds whatever their dependence).
- A KS statistic's threshold is a quantile of its largest value over a run without drift. For continuous data its law
  does not depend on the data's and ties only lower it, so uniform variables stand for all.
- Fisher's test of a share is exact at every look; its part is divided by the looks.

Over features with serial dependence the statistics are scaled down by √v and the evidence by 1/v
(`monitor.dependence`), which restores the rates as far as v is known.
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

from monitor.calibration_cache import remembered
from monitor.categorical import Shares
from monitor.dependence import FEWEST
from monitor.features import Floats, NumberFeature, parts_of_columns
from monitor.reference import FEWEST_ROWS, Reference

EARLY = 0.7
"""Part of the false-alarm rate that the sequential evidence may spend: it is what is early."""
OF_WINDOW = 0.15
"""Part that the tests of the window may spend."""
CALM = 1.25
"""An alert may end while the mean scaled statistic of its tests is below this; it is 0.9 where nothing drifts."""
RUN_WINDOWS = 40
"""Length of a simulated run; longer horizons are cut into such stretches (a union bound)."""
SIMULATED_WINDOW = 500
"""Larger windows are simulated by this one with the reference and the pane scaled alike."""
SIMULATE_SECONDS = 5.0
"""About how long a simulation may take; it decides how many runs."""
SEED = 2026
PROBABILITIES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True)
class Thresholds:
    """What has to be reached.

    Attributes:
        evidence: the total of the sequential evidence, in contacts: horizon / (its part of the rate).
        ks: for each feature, D·√(nm/(n+m)), NaN for categories.
        share: for each share, the p-value of Fisher's test.
        why: why no false-alarm rate is promised, or None.
    """

    evidence: float
    ks: Floats
    share: Floats
    why: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the false-alarm rate is promised."""
        return self.why is None

    def statistic(self, feature: int, rows: int, present: int) -> float:
        """The threshold of D for a feature with so many values in the reference and in the window."""
        return float(min(1.0, self.ks[feature] * math.sqrt((rows + present) / (rows * present))))


def thresholds(
    reference: Reference, shares: Shares, *, window: int, pane: int, false_alarm_rate: float, horizon: int
) -> Thresholds:
    """The thresholds for a reference and a way to watch it."""
    budgets = OF_WINDOW * false_alarm_rate / len(reference.columns) * parts_of_columns(reference.features)
    looks = max(1.0, horizon / pane)
    tests = np.bincount(shares.feature, minlength=len(reference.features)).astype(np.float64)
    ks = np.full(len(reference.features), np.nan)
    level = np.empty(len(reference.features))
    for j, feature in enumerate(reference.features):
        level[j] = budgets[j] / 2 / tests[j] / looks
        if isinstance(feature, NumberFeature) and len(feature.values):
            rows = max(FEWEST_ROWS, int(feature.counts.sum()))
            law = run_law(_rounded_up(rows / window), window, pane)
            stretches = max(1, math.ceil(horizon / window / RUN_WINDOWS))
            ks[j] = quantile(law, budgets[j] / 2 / stretches) * math.sqrt(reference.inflation[j])
    evidence = horizon / (EARLY * false_alarm_rate)
    return Thresholds(evidence, ks, level[shares.feature], _doubt(reference))


def _rounded_up(ratio: float) -> float:
    """The next of a few ratios, so that features with some missing values share a law; it grows with the ratio."""
    return float(10.0 ** (math.ceil(8.0 * math.log10(ratio) - 1e-9) / 8.0))


def _doubt(reference: Reference) -> str | None:
    if reference.rows < FEWEST_ROWS:
        return f"the reference has {reference.rows} rows, fewer than the {FEWEST_ROWS} that a promise needs"
    worst = int(np.argmax(reference.inflation))
    v = float(reference.inflation[worst])
    if reference.rows / v < FEWEST and v > 1.0:
        return (
            f"contacts of the reference come in runs ({reference.features[worst].name} counts as "
            f"{reference.rows / v:.0f} independent ones), too few to say by how much that changes the rate"
        )
    return None


@lru_cache(maxsize=256)
def run_law(ratio: float, window: int, pane: int) -> tuple[float, ...]:
    """Quantiles, at 1 - `PROBABILITIES`, of the largest D·√(nm/(n+m)) over a run of `RUN_WINDOWS` windows.

    From the shipped table where it reaches, simulated otherwise: some seconds, once on a machine.

    Args:
        ratio: rows of the reference over contacts in the window.
    """
    table = load_table()
    ratios = [design["ratio"] for design in table["designs"]]
    if pane * table["panes_per_window"] >= window and ratio >= ratios[0]:
        columns = zip(*(design["quantiles"] for design in table["designs"]), strict=True)
        at = math.log(ratio)
        return tuple(float(np.interp(at, np.log(ratios), column)) for column in columns)
    scale = min(1.0, SIMULATED_WINDOW / window)
    small = max(2, round(window * scale))
    rows, step = max(2, round(ratio * small)), max(1, round(pane * scale))
    microseconds = (RUN_WINDOWS + 1) * small * (0.15 + 0.002 * rows / step)
    runs = int(np.clip(SIMULATE_SECONDS * 1e6 / microseconds, 300, 20_000))
    about = {
        "rows": rows, "window": small, "pane": step, "runs": runs, "run_windows": RUN_WINDOWS, "seed": SEED,
        "probabilities": list(PROBABILITIES),
    }  # fmt: skip
    return remembered(about, lambda: simulated_law(rows, small, step, runs))


def simulated_law(rows: int, window: int, pane: int, runs: int) -> tuple[float, ...]:
    """The same, simulated with one continuous feature, no drift, and a fresh reference in each of the runs."""
    from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

    largest = np.empty(runs)
    kernels.largest_distances(SEED, rows, window, pane, RUN_WINDOWS * window, largest)
    return tuple(float(q) for q in np.quantile(largest, [1.0 - p for p in PROBABILITIES]))


def quantile(law: tuple[float, ...], level: float) -> float:
    """The quantile at ``level``: log p is close to linear in the squared statistic, inside the law and beyond it."""
    squared, logs = np.square(law), np.log(PROBABILITIES)
    wanted = math.log(level)
    if wanted >= logs[-1]:
        return float(np.sqrt(np.interp(-wanted, -logs, squared)))
    # Beyond the last simulated quantile along the flattest slope near the end, so rather too high than too low.
    slope = max((squared[-1] - squared[i]) / (logs[i] - logs[-1]) for i in (-3, -4, -5))
    return float(np.sqrt(squared[-1] + slope * (logs[-1] - wanted)))


@cache
def load_table() -> Mapping[str, Any]:
    """The shipped table."""
    table: Mapping[str, Any] = json.loads((files("data") / "calibration" / "rolling_ks.json").read_text("utf-8"))
    return table
