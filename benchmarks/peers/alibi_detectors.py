"""Alibi Detect's online detector of changed distributions."""

from __future__ import annotations

import numpy as np
from alibi_detect.cd import CVMDriftOnline

from benchmarks.peers.watching import Looks, Matrix, Peer, windowed

SHORT, LONG = 50, 200


class Swept(CVMDriftOnline):  # type: ignore[misc]
    """Without the simulation of thresholds: that for 47 columns and long run times needs millions of streams."""

    def _configure_thresholds(self) -> None:
        pass


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The largest statistic of all columns and windows."""
    detector = Swept(reference, ert=1_000, window_sizes=[SHORT, LONG], verbose=False)
    for at, row in enumerate(stream, 1):
        statistics = detector.score(row)
        if at >= LONG:
            yield at, float(np.max(statistics))


PEERS = {
    "alibi-detect CVMDriftOnline": Peer(
        package="alibi-detect",
        setting="windows of 50 and 200 of each column",
        knob="statistic",
        knobs=(5, 7, 9, 12, 15),
        watch=windowed(looks, LONG),
        warm=LONG,
    )
}
