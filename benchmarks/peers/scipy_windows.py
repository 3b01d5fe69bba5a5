"""``scipy.stats.ks_2samp`` on every column of a sliding window."""

from __future__ import annotations

from scipy.stats import ks_2samp

from benchmarks.peers.watching import P_VALUES, WINDOW, Looks, Matrix, Peer, panes, windowed


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The smallest p-value of the columns."""
    for end, window in panes(stream):
        yield end, float(ks_2samp(reference, window, axis=0, method="asymp").pvalue.min())


PEERS = {
    "scipy": Peer(
        package="scipy",
        setting="ks_2samp of each column, window 500, after every pane of 50",
        knob="p-value of a column",
        knobs=P_VALUES,
        watch=windowed(looks, WINDOW, small=True),
        patience=2,
    )
}
