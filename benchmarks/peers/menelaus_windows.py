"""Menelaus: the kdq-tree of a sliding window."""

from __future__ import annotations

import numpy as np
from menelaus.data_drift import KdqTreeBatch

from benchmarks.peers.watching import WINDOW, Looks, Matrix, Peer, panes, windowed


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The tree's divergence; columns in random order, because it splits the first ones and those drift here."""
    order = np.random.default_rng(int(abs(reference[0, 0]) * 1e9)).permutation(reference.shape[1])
    detector = KdqTreeBatch(bootstrap_samples=1)
    detector.set_reference(reference[:, order])
    for end, window in panes(stream):
        detector._critical_dist = np.inf  # it would make the window the reference on an alarm
        detector.update(window[:, order])
        yield end, float(detector._kdqtree.kl_distance(tree_id1="build", tree_id2="test"))


PEERS = {
    "menelaus KdqTree": Peer(
        package="menelaus",
        setting="KdqTreeBatch as it comes, window 500, after every pane of 50",
        knob="divergence",
        knobs=(0.02, 0.03, 0.04, 0.05, 0.06),
        watch=windowed(looks, WINDOW),
        patience=0.5,
    )
}
