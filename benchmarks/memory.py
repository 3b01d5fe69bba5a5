"""The engine's memory over ten million contacts: it must not grow with the stream. Some five minutes."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.ks import FEATURES, rows
from monitor.engine import Engine
from monitor.reference import Reference
from monitor.state import EngineState, Window

MILLIONS, CHUNK = 10, 10_000


def resident_mb() -> float:
    """The process's resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Contacts without drift, 17 numbers and 30 flags, fresh ones all along."""
    rng = np.random.default_rng(0)
    names = [str(j) for j in range(FEATURES)]
    reference = Reference.from_features(rows(rng, 1_000), names, names)
    engine, state, changes = Engine(), EngineState(version="1"), 0
    for chunk in range(MILLIONS * 1_000_000 // CHUNK):
        codes = reference.encode(rows(rng, CHUNK))
        places = np.arange(chunk * CHUNK, (chunk + 1) * CHUNK)
        contacts = Window(codes, np.column_stack([np.zeros_like(places), places]), places)
        step = engine.take(replace(state, entered=state.entered + CHUNK), contacts, reference)
        state, changes = step.state, changes + len(step.alerts)
        if state.entered % 1_000_000 == 0 or chunk == 0:
            size = len(json.dumps(state.to_json()))
            told = f"{state.entered:>10,} contacts  {resident_mb():7.1f} MB, state {size:,} bytes as JSON"
            print(f"{told}, {changes} state changes of alerts", flush=True)
