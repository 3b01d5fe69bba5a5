"""Simulate the table behind `monitor.calibration`: ``python -m monitor.build_calibration`` (some minutes).

One continuous feature, no drift, a fresh reference in each repetition: the largest rolling KS statistic over a
run of 40 windows, tested after every pane of a tenth of a window. KS is distribution-free for continuous data, so
uniform variables stand for all.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

RUN_WINDOWS = 40
PANES_PER_WINDOW = 10
REPETITIONS = 20_000
# (window, reference rows): small windows where the reference is large, to keep the run short.
DESIGNS = ((500, 100), (500, 250), (500, 500), (500, 1000), (200, 800), (200, 2000))
PROBABILITIES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)


def largest_statistic(rng: np.random.Generator, n: int, window: int) -> float:
    """The largest rolling KS statistic D of one run without drift."""
    pane = window // PANES_PER_WINDOW
    panes = (RUN_WINDOWS + 1) * PANES_PER_WINDOW
    reference = np.sort(rng.random(n))
    gaps = reference.searchsorted(rng.random((panes, pane)))
    cells = (gaps + (n + 1) * np.arange(panes)[:, None]).ravel()
    counts = np.bincount(cells, minlength=panes * (n + 1)).reshape(panes, n + 1)
    totals = np.cumsum(counts, axis=0, dtype=np.int32)
    totals[PANES_PER_WINDOW:] -= totals[:-PANES_PER_WINDOW].copy()
    current = np.cumsum(totals[PANES_PER_WINDOW - 1 :], axis=1, dtype=np.int32)[:, :-1] * (n / window)
    before = np.arange(n)  # reference rows below each reference value; one more from it on
    gap = current - before
    return float(max(gap.max(), 1.0 - gap.min()) / n)


def main() -> None:
    """Simulate all designs and write the table."""
    started = time.perf_counter()
    designs: list[dict[str, Any]] = []
    for place, (window, n) in enumerate(DESIGNS):
        rng = np.random.default_rng([2026, place])
        largest = np.array([largest_statistic(rng, n, window) for _ in range(REPETITIONS)])
        scaled = largest * np.sqrt(n * window / (n + window))
        quantiles = np.quantile(scaled, [1 - p for p in PROBABILITIES])
        designs.append({"ratio": n / window, "quantiles": [round(float(q), 4) for q in quantiles]})
        print(f"n={n} W={window}: {time.perf_counter() - started:.0f} s", quantiles.round(3), file=sys.stderr)
    table = {
        "about": "quantiles of max D·sqrt(n·m/(n+m)) over a run without drift; see monitor/build_calibration.py",
        "run_windows": RUN_WINDOWS,
        "panes_per_window": PANES_PER_WINDOW,
        "repetitions": REPETITIONS,
        "probabilities": list(PROBABILITIES),
        "designs": designs,
    }
    path = Path(__file__).parent.parent / "data" / "calibration" / "rolling_ks.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
