"""Ours and its peers side by side: ``make bench``; ``make bench ARGS="parsing ks"`` runs some."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import (
    api,
    cold,
    concept,
    dashboard,
    detection,
    enrichment,
    gate,
    importing,
    inference,
    ks,
    latency,
    memory,
    parsing,
    quality,
    replay,
    report,
    scenarios,
    scoring,
    swap,
    synthetic,
    training,
)

BENCHMARKS: dict[str, Callable[[], None]] = {
    "parsing": parsing.main,
    "cold": cold.main,
    "ks": ks.main,
    "detection": detection.main,
    "concept": concept.main,
    "memory": memory.main,
    "replay": replay.main,
    "scoring": scoring.main,
    "latency": latency.main,
    "swap": swap.main,
    "gate": gate.main,
    "importing": importing.main,
    "inference": inference.main,
    "training": training.main,
    "quality": quality.main,
    "enrichment": enrichment.main,
    "api": api.main,
    "dashboard": dashboard.main,
    "synthetic": synthetic.main,
    "scenarios": scenarios.main,
    "report": report.main,
}


def main() -> None:
    """Run the named benchmarks, or all."""
    for name in sys.argv[1:] or BENCHMARKS:
        if name not in BENCHMARKS:
            sys.exit(f"no benchmark {name}: there are {', '.join(BENCHMARKS)}")
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()


main()
