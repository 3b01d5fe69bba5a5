"""NannyML's univariate drift of chunks."""

from __future__ import annotations

import pandas as pd
from nannyml import UnivariateDriftCalculator

from benchmarks.peers.watching import Looks, Matrix, Peer, windowed

CHUNK, METHOD = 250, "jensen_shannon"


def looks(reference: Matrix, stream: Matrix) -> Looks:
    """The largest distance of the columns, chunk by chunk."""
    names = [f"x{j}" for j in range(reference.shape[1])]
    calculator = UnivariateDriftCalculator(column_names=names, continuous_methods=[METHOD], chunk_size=CHUNK)
    calculator.fit(pd.DataFrame(reference, columns=names))
    whole = stream[: len(stream) // CHUNK * CHUNK]
    found = calculator.calculate(pd.DataFrame(whole, columns=names)).filter(period="analysis").to_df()
    distances = found[[(name, METHOD, "value") for name in names]].max(axis=1)
    for chunk, distance in enumerate(distances, 1):
        yield chunk * CHUNK, float(distance)


PEERS = {
    "nannyml": Peer(
        package="nannyml",
        setting="UnivariateDriftCalculator as it comes (Jensen-Shannon) on each column, chunks of 250",
        knob="distance of a column",
        knobs=(0.15, 0.165, 0.18, 0.19, 0.21),
        watch=windowed(looks, CHUNK),
    )
}
