"""CPU seconds of a call, repeated, with its spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np


def cpu_per_item(call: Callable[[], object], items: int, repeats: int = 15) -> list[float]:
    """Microseconds of CPU per item, one figure a repetition."""
    call()
    found = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        found.append((time.process_time() - began) / items * 1e6)
    return found


def show(results: Mapping[str, list[float]], unit: str = "µs/contact") -> None:
    """Median and 10-90% range of each, and the ratio to the first."""
    first = statistics.median(next(iter(results.values())))
    for name, values in results.items():
        low, high = np.quantile(values, [0.1, 0.9])
        middle = statistics.median(values)
        print(f"{name:44} {middle:10.2f} {unit}  [{low:.2f}, {high:.2f}]  x{middle / first:.2f}", flush=True)
