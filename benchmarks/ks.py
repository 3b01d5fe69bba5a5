"""The statistics' speed over 47 features: the engine as shipped, exact D at every contact, and scipy on the same."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from benchmarks.timing import cpu_per_item, show
from driftline.events import Pane
from monitor.engine import Engine
from monitor.ks import RollingKS
from monitor.reference import Reference
from monitor.state import EngineState

PANES, SIZE, FEATURES, NUMBERS, WINDOW = 400, 50, 47, 17, 500


def rows(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """As the model's 47 features: 17 numbers and 30 flags."""
    values = rng.normal(size=(n, FEATURES))
    values[:, NUMBERS:] = values[:, NUMBERS:] > 1
    return values


def main() -> None:
    """20,000 contacts, reference 1,000, window 500."""
    rng = np.random.default_rng(0)
    names = [str(j) for j in range(FEATURES)]
    old, new = rows(rng, 1_000), rows(rng, PANES * SIZE)
    reference = Reference.from_features(old, names, names)
    codes = reference.encode(new)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    panes = [
        Pane(
            partition=0, pane=k, model_version="1", complete=True, contacts=SIZE, last_sent_at=at,
            offsets=list(range(k * SIZE, (k + 1) * SIZE)), codes=codes[k * SIZE : (k + 1) * SIZE].tobytes(),
        )
        for k in range(PANES)
    ]  # fmt: skip
    engine, rolling = Engine(), RollingKS(reference, WINDOW)
    rolling.push(codes[:WINDOW])

    def fold() -> None:
        state = EngineState()
        for pane in panes:
            state = engine.step(state, pane, reference).state

    def scipy_windows() -> None:
        for end in range(WINDOW, WINDOW + 4 * SIZE, SIZE):
            for j in range(FEATURES):
                ks_2samp(old[:, j], new[end - WINDOW : end, j], method="asymp")

    fold()
    began = time.process_time()
    fold()
    print(f"fold: {PANES / (time.process_time() - began):,.0f} panes/s, so much on a monitor's start")
    show(
        {
            "engine as shipped, panes of 50 (ours)": cpu_per_item(fold, PANES * SIZE),
            "exact D at every contact (ours)": cpu_per_item(lambda: rolling.trace(codes), PANES * SIZE),
            "scipy.stats.ks_2samp after each pane": cpu_per_item(scipy_windows, 4 * SIZE, repeats=5),
        }
    )
