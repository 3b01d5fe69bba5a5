"""River's detectors for a stream of numbers, one per column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from river.base import DriftDetector
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.peers.watching import REFERENCE_ROWS, WINDOW, Looks, Matrix, Peer, Row, restarted, windowed


def fed(make: Callable[[float], DriftDetector]) -> Callable[[Matrix, float], Row]:
    """A detector per column that has seen the reference."""

    def build(reference: Matrix, knob: float) -> Row:
        detectors = [make(knob) for _ in range(reference.shape[1])]

        def update(row: Sequence[float]) -> bool:
            for detector, value in zip(detectors, row, strict=True):
                detector.update(value)
            return any(detector.drift_detected for detector in detectors)

        for row in reference.tolist():
            update(row)
        return update

    return build


def kswin(reference: Matrix, stream: Matrix) -> Looks:
    """The smallest p-value of the columns; ``alpha`` is 0, so that none empties its window."""
    size = REFERENCE_ROWS + WINDOW
    detectors = [KSWIN(0, size, WINDOW, seed=j, window=column.tolist()) for j, column in enumerate(reference.T)]
    for at, row in enumerate(stream.tolist(), 1):
        for detector, value in zip(detectors, row, strict=True):
            detector.update(value)
        if at >= WINDOW:
            yield at, min(detector.p_value for detector in detectors)


PEERS = {
    "river ADWIN": Peer(
        package="river",
        setting="one per column, all else as it comes, fed with the reference",
        knob="delta",
        knobs=(0.2, 0.05, 0.01, 0.002, 1e-4),
        watch=restarted(fed(lambda delta: ADWIN(delta=delta))),
        patience=5,
    ),
    "river PageHinkley": Peer(
        package="river",
        setting="one per column, fed with the reference; delta 0.25, half the shift to come; no forgetting (alpha 1)",
        knob="threshold",
        knobs=(18, 22, 26, 32, 38),
        watch=restarted(fed(lambda threshold: PageHinkley(delta=0.25, alpha=1, threshold=threshold))),
        patience=3,
    ),
    "river KSWIN": Peer(
        package="river",
        setting="one per column, the newest 500 against 500 drawn of the 1,000 before, begun with the reference",
        knob="alpha",
        knobs=(1e-4, 1e-6, 1e-8),
        watch=windowed(kswin, WINDOW, small=True),
        warm=WINDOW,
        lasting=600,
        patience=3,
    ),
}
