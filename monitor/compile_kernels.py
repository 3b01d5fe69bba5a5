"""Compile the kernels for every type they meet: ``python -m monitor.compile_kernels``, part of the installation.

Numba keeps the machine code beside `monitor.kernels`, so the first contact of every later process finds it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitor.calibration import simulated_law
from monitor.drift_monitor import DriftMonitor
from monitor.reference import Reference


def main() -> None:
    """Fold a few contacts against a small and a large reference."""
    simulated_law(30, 20, 10, 1)
    rng = np.random.default_rng(0)
    for rows in (300, 40_000):  # codes of 16 and of 32 bits; above 10,000 rows scipy rounds differently
        frame = pd.DataFrame({"number": rng.normal(size=rows), "text": rng.choice(list("ab"), rows)})
        monitor = DriftMonitor(Reference.from_frame(frame), window=100, pane=10)
        monitor.update(frame.head(120).assign(number=9.0))
        monitor.statistics()


if __name__ == "__main__":
    main()
