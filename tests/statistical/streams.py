"""Streams with and without drift, and what a monitor makes of them; all figures of docs/statistics.md are of these."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from driftline.events import Alert, Kind
from monitor import DriftMonitor, Reference

FEATURES = 47
REFERENCE_ROWS = 1_000
WINDOW = 500
HORIZON = 20_000
RATE = 0.05

Matrix = NDArray[np.float64]
Frames = Callable[[np.random.Generator, int], pd.DataFrame]
Drift = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def independent(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Independent normal numbers."""
    return _frame(rng.normal(size=(n, FEATURES)))


def correlated(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Strongly correlated features: numbers, coarse numbers with ties, and 30 flags of all frequencies."""
    values = 0.7 * rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(n, FEATURES))
    values[:, 8:17] = values[:, 8:17].round()
    values[:, 17:] = values[:, 17:] > np.linspace(-1.5, 1.8, 30)
    return _frame(values)


def categories(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Nine numbers, one with missing values, and a category."""
    frame = _frame(rng.normal(size=(n, 9)))
    frame.loc[rng.random(n) < 0.05, "x0"] = np.nan
    return frame.assign(sector=rng.choice(list("abcde"), n, p=[0.4, 0.3, 0.15, 0.1, 0.05]))


def autoregressive(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Every feature an AR(1) series with coefficient 0.3."""
    values = rng.normal(size=(n + 100, FEATURES)) * np.sqrt(1 - 0.3**2)
    for t in range(1, len(values)):
        values[t] += 0.3 * values[t - 1]
    return _frame(values[100:])


def bursts(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Runs of ten contacts that are alike."""
    first = int(rng.integers(10))
    return _frame(np.repeat(rng.normal(size=(n // 10 + 2, FEATURES)), 10, axis=0)[first : first + n])


def shifted(frame: pd.DataFrame, features: int, by: float = 0.5) -> pd.DataFrame:
    """The first features moved up."""
    values = frame.copy()
    values.iloc[:, :features] += by
    return values


def spread(frame: pd.DataFrame, features: int, by: float = 1.5) -> pd.DataFrame:
    """The first features spread by a factor."""
    values = frame.copy()
    values.iloc[:, :features] *= by
    return values


def few_shifted(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """0.5 standard deviations in 5 of 47 features."""
    return shifted(frame, 5)


def half_shifted(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """The same in 24."""
    return shifted(frame, 24)


def few_spread(frame: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Standard deviation x 1.5 in 5 of 47 features."""
    return spread(frame, 5)


def more_of_d(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Category d at 30%, not 10."""
    sector = frame["sector"].where(rng.random(len(frame)) >= 2 / 9, "d")
    return frame.assign(sector=sector)


def unseen(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A fifth of the categories is one that the reference does not have."""
    return frame.assign(sector=frame["sector"].where(rng.random(len(frame)) >= 0.2, "new"))


def missing(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A quarter of x0 is missing, not 5%."""
    return frame.assign(x0=frame["x0"].where(rng.random(len(frame)) >= 0.2 / 0.95))


def monitor_of(frames: Frames, rng: np.random.Generator, rows: int = REFERENCE_ROWS) -> DriftMonitor:
    """A monitor with a fresh reference."""
    return DriftMonitor(Reference.from_frame(frames(rng, rows)), window=WINDOW, false_alarm_rate=RATE, horizon=HORIZON)


@dataclass(frozen=True)
class Run:
    """A run without drift: whether it raised anything, and whether a rate was promised."""

    alarm: bool
    promised: bool


def without_drift(frames: Frames, seed: int, rows: int = REFERENCE_ROWS) -> Run:
    """A whole horizon of contacts like the reference."""
    rng = np.random.default_rng([77, seed])
    monitor = monitor_of(frames, rng, rows)
    alerts = monitor.update(frames(rng, HORIZON))
    return Run(bool(alerts), monitor.promise.holds)


@dataclass(frozen=True)
class Episode:
    """A drift that comes after ``CALM`` contacts, stays, and may end.

    Attributes:
        delay: contacts from the onset to the first alert, infinite if there was none.
        alerts: distinct alerts of the kind.
        resolved: contacts from the end of the drift until the alert is over, infinite if it never is.
        share: the drift share last said.
    """

    early: bool
    delay: float
    alerts: int
    resolved: float
    share: float
    columns: tuple[str, ...]


CALM = 1_000


def with_drift(
    frames: Frames,
    drift: Drift,
    seed: int,
    *,
    lasting: int = 1_000,
    after: int = 0,
    kind: Kind = "data_drift",
) -> Episode:
    """Calm contacts, drifted ones, and calm ones again."""
    rng = np.random.default_rng([78, seed])
    monitor = monitor_of(frames, rng)
    early = bool(monitor.update(frames(rng, CALM)))
    during = _of(kind, monitor.update(drift(frames(rng, lasting), rng)))
    over = _of(kind, monitor.update(frames(rng, after))) if after else []
    ended = [alert.at_contact - CALM - lasting for alert in over if alert.state == "resolved"]
    return Episode(
        early=early,
        delay=during[0].at_contact - CALM if during else np.inf,
        alerts=len({alert.id for alert in during}),
        resolved=ended[0] if ended else np.inf,
        share=during[-1].drift_share if during else 0.0,
        columns=tuple(column.name for column in during[0].columns) if during else (),
    )


def wilson_upper(hits: int, runs: int) -> float:
    """The upper end of Wilson's 95% interval."""
    z, p = float(norm.ppf(0.975)), hits / runs
    spread = z * math.sqrt(p * (1 - p) / runs + z * z / (4 * runs * runs))
    return (p + z * z / (2 * runs) + spread) / (1 + z * z / runs)


def _of(kind: Kind, alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == kind]


def _frame(values: Matrix) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])
