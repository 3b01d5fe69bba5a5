"""Panes over invented numbers, for tests of whatever folds them."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from driftline.events import Pane
from monitor.config import EngineConfig
from monitor.reference import Codes, Reference

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = EngineConfig(window=100, pane=10, horizon=2_000)
NAMES = ["a", "b", "c", "score"]
_rng = np.random.default_rng(5)
REFERENCE = Reference.from_features(_rng.normal(size=(300, 4)), NAMES, NAMES)
MOVED = Reference.from_features(_rng.normal(3, size=(300, 4)), NAMES, NAMES)


def stream(*stretches: tuple[int, float]) -> NDArray[np.float64]:
    """Stretches of (contacts, shift of column a)."""
    rng = np.random.default_rng(6)
    parts = [rng.normal(size=(n, 4)) + np.array([shift, 0, 0, 0]) for n, shift in stretches]
    return np.concatenate(parts)


def panes(
    values: NDArray[np.float64], size: int = 10, version: str = "1", reference: Reference = REFERENCE, first: int = 0
) -> list[Pane]:
    """The values as the panes of one partition, from the offset ``first`` on."""
    return panes_of(reference.encode(values), size, version, first)


def panes_of(codes: Codes, size: int = 10, version: str = "1", first: int = 0) -> list[Pane]:
    """Rows of codes as panes."""
    return [
        Pane(
            partition=0, pane=(first + begin) // size, model_version=version, complete=True,
            contacts=len(codes[begin : begin + size]),
            offsets=list(range(first + begin, first + begin + len(codes[begin : begin + size]))),
            last_sent_at=START + timedelta(seconds=first + begin + size),
            codes=codes[begin : begin + size].tobytes(),
        )
        for begin in range(0, len(codes), size)
    ]  # fmt: skip
