"""Rolling KS over 48 features: the engine's fold over panes, and scipy on the same windows."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
from scipy.stats import ks_2samp

from benchmarks.timing import cpu_per_item, show
from driftline.events import Pane
from monitor.engine import Engine
from monitor.reference import Reference
from monitor.state import EngineState

PANES, SIZE, FEATURES = 400, 50, 48


def main() -> None:
    """20,000 contacts in panes of 50, reference 1,000, window 500, tested after each pane."""
    rng = np.random.default_rng(0)
    names = [str(j) for j in range(FEATURES)]
    old = rng.normal(size=(1_000, FEATURES)).round(1)
    new = rng.normal(size=(PANES * SIZE, FEATURES)).round(1)
    reference = Reference.from_features(old, names, names)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    panes = [
        Pane(
            partition=0, pane=k, model_version="1", complete=True, contacts=SIZE, last_sent_at=at,
            offsets=list(range(k * SIZE, (k + 1) * SIZE)),
            codes=reference.encode(new[k * SIZE : (k + 1) * SIZE]).tobytes(),
        )
        for k in range(PANES)
    ]  # fmt: skip
    engine = Engine()

    def fold() -> None:
        state = EngineState()
        for pane in panes:
            state = engine.step(state, pane, reference).state

    def scipy_windows() -> None:
        for end in range(500, 700, SIZE):
            for j in range(FEATURES):
                ks_2samp(old[:, j], new[end - 500 : end, j], method="asymp")

    began = time.process_time()
    fold()
    print(f"fold: {PANES / (time.process_time() - began):,.0f} panes/s, so much on a monitor's start")
    show(
        {
            "engine, panes of 50 (ours)": cpu_per_item(fold, PANES * SIZE, repeats=5),
            "scipy.stats.ks_2samp, the same windows": cpu_per_item(scipy_windows, 4 * SIZE, repeats=5),
        }
    )
