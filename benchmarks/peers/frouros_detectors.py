"""Frouros: an incremental KS test per column, and the maximum mean discrepancy of all of them."""

from __future__ import annotations

from functools import partial

import numpy as np
from frouros.detectors.data_drift import MMD, IncrementalKSTest
from frouros.utils.kernels import rbf_kernel
from scipy.spatial.distance import pdist

from benchmarks.peers.watching import P_VALUES, WINDOW, Looks, Matrix, Peer, panes, windowed


def incremental_ks(reference: Matrix, stream: Matrix) -> Looks:
    """The smallest p-value of the columns; of unequal sizes the exact p-value takes twice as long."""
    detectors = [IncrementalKSTest(window_size=WINDOW) for _ in reference.T]
    for detector, column in zip(detectors, reference[-WINDOW:].T, strict=True):
        detector.fit(X=column)
    for at, row in enumerate(stream, 1):
        tests = [detector.update(value=value)[0] for detector, value in zip(detectors, row, strict=True)]
        if at >= WINDOW:
            yield at, float(min(test.p_value for test in tests))


def mmd(reference: Matrix, stream: Matrix) -> Looks:
    """The discrepancy, with the kernel as wide as the median distance of the reference's rows."""
    detector = MMD(kernel=partial(rbf_kernel, sigma=float(np.median(pdist(reference)))))
    detector.fit(X=reference)
    for end, window in panes(stream):
        yield end, float(detector.compare(X=window)[0].distance)


PEERS = {
    "frouros IncrementalKSTest": Peer(
        package="frouros",
        setting="one per column, window 500, against the newest 500 of the reference",
        knob="p-value of a column",
        knobs=P_VALUES,
        watch=windowed(incremental_ks, WINDOW, small=True),
        warm=WINDOW,
        lasting=1_000,
        patience=2,
    ),
    "frouros MMD": Peer(
        package="frouros",
        setting="Gaussian kernel, width by the median rule, window 500, after every pane of 50",
        knob="discrepancy",
        knobs=(3e-4, 4e-4, 5e-4, 6e-4, 8e-4),
        watch=windowed(mmd, WINDOW),
        patience=3,
    ),
}
