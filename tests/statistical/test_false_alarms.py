"""The promise: how often a stream without drift raises any alert, and how soon one with drift does."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from monitor import DriftMonitor, Reference

FEATURES = 10


def frame(rng: np.random.Generator, n: int, shift: float = 0.0) -> pd.DataFrame:
    """Correlated numbers, half of them coarse: dependence and ties, as real features have."""
    common = rng.normal(size=(n, 1))
    values = 0.6 * common + 0.8 * rng.normal(size=(n, FEATURES))
    values[:, 0] += shift
    values[:, FEATURES // 2 :] = values[:, FEATURES // 2 :].round()
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(FEATURES)])


def raises_an_alarm(seed: int, contacts: int) -> bool:
    rng = np.random.default_rng([77, seed])
    monitor = DriftMonitor(Reference.from_frame(frame(rng, 500)), window=500, horizon=20_000, false_alarm_rate=0.05)
    return bool(monitor.update(frame(rng, contacts)))


def lower_bound(hits: int, runs: int) -> float:
    """Clopper-Pearson: the rate is above this with 99.5% confidence."""
    return 0.0 if hits == 0 else float(beta.ppf(0.005, hits, runs - hits + 1))


@pytest.mark.parametrize(
    ("runs", "contacts"), [(40, 20_000), pytest.param(400, 20_000, marks=pytest.mark.long)], ids=["quick", "full"]
)
def test_false_alarms_stay_under_the_promised_rate(runs: int, contacts: int) -> None:
    alarms = sum(raises_an_alarm(seed, contacts) for seed in range(runs))
    assert lower_bound(alarms, runs) <= 0.05, f"{alarms} alarms in {runs} runs"


def test_a_shift_of_one_standard_deviation_is_found_within_a_window() -> None:
    delays = []
    for seed in range(30):
        rng = np.random.default_rng([78, seed])
        monitor = DriftMonitor(Reference.from_frame(frame(rng, 1_000)), window=500)
        assert not monitor.update(frame(rng, 500))
        alerts = monitor.update(frame(rng, 500, shift=1.0))
        delays.append(alerts[0].at_contact - 500 if alerts else np.inf)
        assert alerts[0].columns[0].name == "x0"
    assert np.median(delays) <= 300
