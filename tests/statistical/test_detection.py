"""How soon drift is found, that it is told once, and that it is over when it is over."""

import numpy as np
import pandas as pd
import pytest

from driftline.events import Kind
from tests.statistical import streams
from tests.statistical.streams import with_drift

RUNS = pytest.mark.parametrize("runs", [11, pytest.param(100, marks=pytest.mark.long)], ids=["quick", "full"])


def allowance(runs: int) -> float:
    """The median of a few runs scatters: by a quarter with 11 of them."""
    return 1.25 if runs < 100 else 1.0


@RUNS
@pytest.mark.parametrize(
    ("frames", "drift", "kind", "column", "within"),
    [
        (streams.independent, streams.few_shifted, "data_drift", "x", 136),
        (streams.independent, streams.half_shifted, "data_drift", "x", 79),
        (streams.independent, streams.few_spread, "data_drift", "x", 124),
        (streams.categories, streams.more_of_d, "data_drift", "sector", 100),
        (streams.categories, streams.unseen, "data_drift", "sector", 100),
        (streams.categories, streams.missing, "data_quality", "x0", 100),
    ],
    ids=["shift in 10%", "shift in 50%", "spread in 10%", "category 10 to 30%", "unseen 20%", "missing 5 to 25%"],
)
def test_the_median_delay_is_short_and_the_column_is_named(
    frames: streams.Frames, drift: streams.Drift, kind: Kind, column: str, within: float, runs: int
) -> None:
    episodes = [with_drift(frames, drift, seed, kind=kind) for seed in range(runs)]
    assert np.median([episode.delay for episode in episodes]) <= within * allowance(runs)
    named = sum(episode.columns[0].startswith(column) for episode in episodes if episode.columns)
    assert named >= 0.9 * runs


@pytest.mark.parametrize("runs", [2, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_a_drift_that_stays_is_one_alert_and_over_within_two_windows_of_its_end(runs: int) -> None:
    episodes = [
        with_drift(streams.independent, streams.few_shifted, seed, lasting=20_000, after=2 * streams.WINDOW)
        for seed in range(runs)
    ]
    assert sum(episode.alerts == 1 for episode in episodes) >= 0.95 * runs
    assert sum(episode.resolved <= 2 * streams.WINDOW for episode in episodes) >= 0.95 * runs


@pytest.mark.parametrize("runs", [20, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_a_drift_too_weak_for_the_window_to_see_is_one_alert_too(runs: int) -> None:
    def weak(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
        return streams.spread(frame, 3, 1.25)

    episodes = [with_drift(streams.independent, weak, seed, lasting=10_000) for seed in range(runs)]
    assert sum(episode.alerts >= 1 for episode in episodes) >= 0.7 * runs
    assert sum(episode.alerts <= 1 for episode in episodes) >= 0.95 * runs


@pytest.mark.parametrize(("features", "share"), [(5, 5 / 47), (14, 14 / 47), (28, 28 / 47)])
def test_the_drift_share_is_that_of_the_columns_that_drift(features: int, share: float) -> None:
    def some(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
        return streams.shifted(frame, features)

    shares = [with_drift(streams.independent, some, seed).share for seed in range(6)]
    assert np.mean(shares) == pytest.approx(share, abs=0.03)
    assert np.std(shares) < 0.03
