"""How often a stream without drift raises an alert, and how soon one with drift does: ``make bench ARGS=detection``.

The streams are those of the statistical tests; some ten minutes on two cores.
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd

from driftline.events import Kind
from tests.statistical import streams
from tests.statistical.streams import Drift, Episode, Frames, Run

RUNS, NULL_RUNS = 100, 300


def variance(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Variance x 1.5 in 5 of 47 features."""
    return streams.spread(frame, 5, math.sqrt(1.5))


DRIFTS: tuple[tuple[str, Frames, Drift, Kind], ...] = (
    ("shift of 0.5 sigma in 5 of 47 features", streams.independent, streams.few_shifted, "data_drift"),
    ("the same in 24 of 47", streams.independent, streams.half_shifted, "data_drift"),
    ("standard deviation x1.5 in 5 of 47", streams.independent, streams.few_spread, "data_drift"),
    ("variance x1.5 in 5 of 47", streams.independent, variance, "data_drift"),
    ("a category from 10% to 30%, 10 columns", streams.categories, streams.more_of_d, "data_drift"),
    ("an unseen value in 20%, 10 columns", streams.categories, streams.unseen, "data_drift"),
    ("missing from 5% to 25%, 10 columns", streams.categories, streams.missing, "data_quality"),
    ("shift as first, AR(1) 0.3", streams.autoregressive, streams.few_shifted, "data_drift"),
    ("shift as first, runs of ten alike", streams.bursts, streams.few_shifted, "data_drift"),
)
NULLS: tuple[tuple[str, Frames], ...] = (
    ("independent normal numbers, 47", streams.independent),
    ("strongly correlated, ties and 30 flags, 47", streams.correlated),
    ("numbers with missing values and a category, 10", streams.categories),
    ("AR(1) 0.3, 47", streams.autoregressive),
    ("runs of ten alike, 47", streams.bursts),
)


def main() -> None:
    """Delays, false alarms, and episodes."""
    with ProcessPoolExecutor() as pool:
        print(f"contacts from the onset to the alert, median [10%, 90%] of {RUNS} runs")
        for name, frames, drift, kind in DRIFTS:
            episodes: list[Episode] = list(
                pool.map(partial(streams.with_drift, frames, drift, kind=kind, lasting=3_000), range(RUNS))
            )
            low, middle, high = np.quantile([min(e.delay, 3_000) for e in episodes], [0.1, 0.5, 0.9])
            print(f"  {name:46} {middle:6.0f}  [{low:.0f}, {high:.0f}]", flush=True)
        print(f"runs of {streams.HORIZON:,} contacts without drift that raised any alert, of {NULL_RUNS}")
        for name, frames in NULLS:
            runs: list[Run] = list(pool.map(partial(streams.without_drift, frames), range(NULL_RUNS)))
            alarms, promised = sum(run.alarm for run in runs), sum(run.promised for run in runs)
            rate = f"{alarms / NULL_RUNS:.3f} (95% under {streams.wilson_upper(alarms, NULL_RUNS):.3f})"
            print(f"  {name:46} {rate}, promised in {promised} of {NULL_RUNS}", flush=True)
        told = "one alert in {}, resolved within two windows of its end in {}, of {} runs of 20,000 drifted contacts"
        stay = partial(
            streams.with_drift, streams.independent, streams.few_shifted, lasting=20_000, after=2 * streams.WINDOW
        )
        long = list(pool.map(stay, range(RUNS)))
        over = sum(episode.resolved <= 2 * streams.WINDOW for episode in long)
        print(told.format(sum(episode.alerts == 1 for episode in long), over, RUNS))
