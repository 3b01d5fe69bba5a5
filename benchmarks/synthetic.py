"""How fast contacts are invented, and the signal in their labels: ``make bench ARGS=synthetic``, some seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from producers.scenarios import SCENARIOS
from tests.known_odds import known

CONTACTS, BATCHES, BATCH = 100_000, 10, 10_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """One core; the time to the first contact includes reading the profile where it is the first of the process."""
    for name, scenario in SCENARIOS.items():
        began = time.perf_counter()
        first = next(scenario.contacts(10**9, seed=1, start=START))
        to_first = time.perf_counter() - began
        assert first[0].id
        began = time.perf_counter()
        drawn = sum(1 for _ in islice(scenario.contacts(CONTACTS, seed=1, start=START), CONTACTS))
        rate = drawn / (time.perf_counter() - began)
        found = [known(BATCH, 100 + batch, name).attainable for batch in range(BATCHES)]
        auc = f"{np.mean(found):.3f} ± {np.std(found, ddof=1) / np.sqrt(BATCHES):.4f}"
        print(f"{name:20} {rate:9,.0f} contacts/s, the first after {1e3 * to_first:4.0f} ms; attainable ROC-AUC {auc}")
