"""Alibi Detect's online detector of changed distributions."""

from __future__ import annotations

import numpy as np
from alibi_detect.cd import CVMDriftOnline

from benchmarks.peers.watching import Looks, Matrix, Peer, windowed

SHORT, LONG, STRETCH = 50, 200, 1_000


class Swept(CVMDriftOnline):  # type: ignore[misc]
    """Without thresholds: for 47 columns and long run times their simulation needs millions of streams."""

    def _configure_thresholds(self) -> None:
        pass


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The largest statistic of all columns and windows."""
    detector = Swept(reference, ert=1_000, window_sizes=[SHORT, LONG], verbose=False)
    for at, row in enumerate(stream, 1):
        statistics = detector.score(row)
        if at >= LONG:
            yield at, float(np.max(statistics))


def simulated(reference: Matrix, stream: Matrix) -> Looks:
    """The same without drift, by the detector's own simulator of its statistic, in stretches with a reference each.

    The statistic is one of ranks, so that any continuous columns do; contact by contact it takes ten times as long.
    """
    columns = reference.shape[1]
    np.random.seed(int(abs(reference[0, 0]) * 1e6))
    detector = Swept(reference, 1_000, [SHORT, LONG], n_bootstraps=columns, batch_size=1, verbose=False)
    for stretch in range(len(stream) // STRETCH):
        largest = detector._simulate_streams(STRETCH)[:, LONG:].max(axis=(0, 2))
        yield from enumerate(largest.tolist(), 1 + stretch * len(largest))


PEERS = {
    "alibi-detect CVMDriftOnline": Peer(
        package="alibi-detect",
        setting="windows of 50 and 200 of each column",
        knob="statistic",
        knobs=(9, 11, 13, 15, 18),
        watch=windowed(looks, LONG),
        null=windowed(simulated, 0),
        warm=LONG,
        lasting=1_000,
        patience=5,
    )
}
