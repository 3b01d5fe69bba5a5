"""Serial dependence of the reference: how alike contacts are that follow each other.

Imports sorted by company and campaigns make runs of like contacts; a test that takes them for independent raises
false alarms by the dozen. What matters is by how much the variance of a mean grows, v = 1 + 2 Σ ρ(k): it is 1 for
independent contacts, (1 + ρ)/(1 - ρ) for AR(1), L for runs of L equals. Thresholds grow by √v, and evidence is
tempered by 1/v.

The sum is cut where it has converged (Sokal 1997, "Monte Carlo Methods in Statistical Mechanics", section 3: the
first lag ≥ `CUT`·v), and raised by its standard error, since to take it too small breaks the promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from monitor.features import Feature, Floats, NumberFeature

CUT = 3.0
LAGS = 20
"""Dependence is looked for at so many lags."""
DOUBT = 1e-3
"""P(independent contacts are taken for dependent ones), over all features."""
ERRORS = 1.65
"""Standard errors by which the measured inflation is raised."""
FEWEST = 100
"""With fewer independent contacts' worth of reference than this, no promise is given."""


def inflation(codes: NDArray[np.unsignedinteger[Any]], features: Sequence[Feature]) -> Floats:
    """v of each feature for codes in order of arrival, shape (rows, features); 1 unless dependence is beyond doubt."""
    rows = len(codes)
    out = np.ones(len(features))
    if rows < 2 * LAGS:
        return out
    least = -ndtri(DOUBT / LAGS / len(features)) / np.sqrt(rows)
    for j, feature in enumerate(features):
        scores = [_ranks(codes[:, j])] if isinstance(feature, NumberFeature) else _marks(codes[:, j])
        found = [_inflation(score, least) for score in scores]
        out[j] = max(found, default=1.0)
    return out


def _inflation(score: Floats, least: float) -> float:
    centred = score - score.mean()
    variance = float(centred @ centred)
    if variance == 0.0:
        return 1.0
    rows = len(score)
    lags = min(rows // 4, 2_000)
    rho = np.array([float(centred[k:] @ centred[:-k]) for k in range(1, lags + 1)]) / variance
    if rho[:LAGS].max() < least:
        return 1.0
    v = 1.0
    cut = lags
    for k in range(lags):
        v += 2.0 * float(rho[k])
        if k + 1 >= CUT * max(v, 1.0):
            cut = k + 1
            break
    v = max(v, 1.0)
    return v * (1.0 + ERRORS * float(np.sqrt(2.0 * (2 * cut + 1) / rows)))


def _ranks(codes: NDArray[np.unsignedinteger[Any]]) -> Floats:
    """Normal scores of the codes' mid-ranks."""
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    scores: Floats = ndtri(middle / len(codes))[place]
    return scores


def _marks(codes: NDArray[np.unsignedinteger[Any]]) -> list[Floats]:
    """One 0/1 series for each frequent code."""
    values, counts = np.unique(codes, return_counts=True)
    frequent = values[np.argsort(-counts, kind="stable")][:20]
    return [(codes == value).astype(np.float64) for value in frequent]
