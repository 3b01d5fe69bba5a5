"""The promise: how often a stream without drift raises any alert in 20,000 contacts."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from monitor import DriftMonitor
from tests.statistical import streams

FULL = pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])
RUNS = pytest.mark.parametrize("runs", [10, FULL], ids=["quick", "full"])


def lower_bound(hits: int, runs: int) -> float:
    """Clopper-Pearson: the rate is above this with 99.9% confidence."""
    return 0.0 if hits == 0 else float(beta.ppf(0.001, hits, runs - hits + 1))


def check(runs: list[streams.Run]) -> None:
    """Held as far as so many runs can tell, or promised in none of them."""
    alarms = sum(run.alarm for run in runs)
    promised = {run.promised for run in runs}
    assert len(promised) == 1, "the promise depends on chance"
    if promised == {False}:
        return
    assert lower_bound(alarms, len(runs)) <= streams.RATE, f"{alarms} alarms in {len(runs)} runs"
    if len(runs) >= 300:
        assert streams.wilson_upper(alarms, len(runs)) < 0.08, f"{alarms} alarms in {len(runs)} runs"


@RUNS
@pytest.mark.parametrize(
    "frames",
    [streams.independent, streams.correlated, streams.categories, streams.autoregressive, streams.bursts],
    ids=lambda frames: frames.__name__,
)
def test_false_alarms_stay_under_the_promised_rate_or_no_rate_is_promised(frames: streams.Frames, runs: int) -> None:
    check([streams.without_drift(frames, seed) for seed in range(runs)])


@RUNS
@pytest.mark.parametrize("rows", [30, 100, 300])
def test_the_promise_holds_for_small_references_too(rows: int, runs: int) -> None:
    check([streams.without_drift(streams.categories, seed, rows) for seed in range(runs)])


def test_the_promise_is_withheld_with_its_reason_where_contacts_come_in_runs() -> None:
    for seed in range(5):
        promise = monitor_of(streams.bursts, seed).promise
        assert not promise.holds
        assert promise.why is not None
        assert "come in runs" in promise.why


def test_runs_that_the_reference_does_not_have_withhold_the_promise_as_soon_as_a_window_shows_them() -> None:
    for seed in range(5):
        alerts = monitor_of(streams.independent, seed).update(streams.bursts(np.random.default_rng([80, seed]), 3_000))
        told = [alert.promise.why for alert in alerts if alert.window.contacts == streams.WINDOW]
        assert set(told) == {"the last 500 contacts come in runs of alike ones, which the reference does not"}


def test_a_promise_that_was_withdrawn_is_not_given_back_by_a_window_without_runs() -> None:
    for seed in range(3):
        rng = np.random.default_rng([84, seed])
        monitor = monitor_of(streams.independent, seed)
        monitor.update(streams.independent(rng, 300))
        alerts = monitor.update(in_few_features(streams.bursts(rng, 700), rng))
        alerts += monitor.update(streams.few_shifted(streams.independent(rng, 1_500), rng))
        assert len({alert.id for alert in alerts}) == 1
        assert [alert.promise.holds for alert in alerts] == [True, False]
        assert alerts[-1].level == "monitor"


def in_few_features(bursts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Runs in 8 features, so that they do not make more than a mild alert; the others are independent."""
    return bursts.iloc[:, :8].join(streams.independent(rng, len(bursts)).iloc[:, 8:])


def everything(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return streams.shifted(frame, streams.FEATURES, 3.0)


@pytest.mark.parametrize("drift", [streams.few_shifted, streams.half_shifted, everything])
def test_a_drift_is_not_taken_for_runs(drift: streams.Drift) -> None:
    for seed in range(3):
        rng = np.random.default_rng([81, seed])
        monitor = monitor_of(streams.independent, seed)
        monitor.update(streams.independent(rng, 800))
        alerts = monitor.update(drift(streams.independent(rng, 700), rng))
        assert alerts[-1].level == "retrain"
        assert all(alert.promise.holds for alert in alerts)


def test_a_promise_is_given_where_contacts_are_independent() -> None:
    assert sum(monitor_of(streams.independent, seed).promise.holds for seed in range(5)) == 5


def monitor_of(frames: streams.Frames, seed: int) -> DriftMonitor:
    return streams.monitor_of(frames, np.random.default_rng([79, seed]))
