"""Simulate the table behind `monitor.calibration`: ``python -m monitor.build_calibration`` (some minutes)."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from monitor.calibration import PROBABILITIES, RUN_WINDOWS, simulated_law

PANES_PER_WINDOW = 10
REPETITIONS = 20_000
# (window, reference rows): small windows where the reference is large, to keep the run short.
DESIGNS = ((500, 100), (500, 250), (500, 500), (500, 1000), (200, 800), (200, 2000))


def main() -> None:
    """Simulate all designs and write the table."""
    started = time.perf_counter()
    designs: list[dict[str, Any]] = []
    for window, rows in DESIGNS:
        law = simulated_law(rows, window, window // PANES_PER_WINDOW, REPETITIONS)
        designs.append({"ratio": rows / window, "quantiles": [round(q, 4) for q in law]})
        print(f"n={rows} W={window}: {time.perf_counter() - started:.0f} s", designs[-1], file=sys.stderr)
    table = {
        "about": "quantiles of max D·√(nm/(n+m)) over a run without drift; see monitor/build_calibration.py",
        "run_windows": RUN_WINDOWS,
        "panes_per_window": PANES_PER_WINDOW,
        "repetitions": REPETITIONS,
        "probabilities": list(PROBABILITIES),
        "designs": designs,
    }
    path = Path(__file__).parent.parent / "data" / "calibration" / "rolling_ks.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
