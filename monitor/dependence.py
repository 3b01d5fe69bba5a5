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
from scipy.special import ndtri, pdtrc

from monitor.features import FEW, Feature, Floats, Ints, NumberFeature

CUT = 3.0
LAGS = 20
"""Dependence is looked for at so many lags."""
DOUBT = 1e-3
"""P(independent contacts are taken for dependent ones), over all features."""
ERRORS = 1.65
"""Standard errors by which the measured inflation is raised."""
NEAR = 10
"""The fall of likeness over so many lags, from the first on, is compared with that over as many further away."""
FAR = range(30, 160, 5)
"""Where the falls begin that it is compared with; at least `FEWEST_FALLS` of them."""
FEWEST_FALLS = 8
CLEARLY = 10.0
"""Standard deviations beyond which contacts come in runs: under 3 for independent ones, up to 8 where a drift of 3
sigma has just begun, above 30 for runs of ten in a window of 500."""
FEWEST = 100
"""With fewer independent contacts' worth of reference than this, no promise is given."""


def inflation(codes: NDArray[np.unsignedinteger[Any]], features: Sequence[Feature]) -> Floats:
    """v of each feature for codes in order of arrival, shape (rows, features); 1 unless dependence is beyond doubt."""
    out = np.ones(len(features))
    if len(codes) < 2 * LAGS:
        return out
    doubt = DOUBT / LAGS / len(features)
    for j, feature in enumerate(features):
        mine = codes[:, j]
        values, place, counts = np.unique(mine, return_inverse=True, return_counts=True)
        if len(values) == 1:
            continue
        if isinstance(feature, NumberFeature) and len(values) > FEW:
            rho = _rank_correlation(place, counts)
            dependent = rho[:LAGS].max() > -ndtri(doubt) / np.sqrt(len(mine))
        else:
            rho = _agreement(place, counts)
            dependent = _meet_too_often(place, counts, doubt)
        if dependent:
            out[j] = _inflation(rho, len(mine))
    return out


def comes_in_runs(codes: NDArray[np.unsignedinteger[Any]], features: Sequence[Feature]) -> bool:
    """Whether contacts that follow each other are alike, for codes in order of arrival, shape (contacts, features).

    A drift that has set in amid these contacts makes pairs the less alike the further apart they are, all the way;
    runs do so over short distances only. So the fall over the first lags is compared with that over later ones. Of
    fewer than some hundred contacts this cannot be said.
    """
    far = [lag for lag in FAR if lag + NEAR <= 0.9 * len(codes)]
    if len(far) < FEWEST_FALLS:
        return False
    places = np.empty(codes.shape)
    for j, feature in enumerate(features):
        places[:, j] = _place_of_code(feature)[codes[:, j]]

    def fall(lag: int) -> float:
        return _likeness(places, lag) - _likeness(places, lag + NEAR)

    later = np.array([fall(lag) for lag in far])
    return fall(1) - float(later.mean()) > CLEARLY * float(later.std(ddof=1))


def _place_of_code(feature: Feature) -> Floats:
    """Where each code stands: numbers at their mid-rank in (0, 1), everything else further apart than that."""
    if not isinstance(feature, NumberFeature):
        return np.arange(feature.size, dtype=np.float64)
    counts = feature.reference[:-2]
    ranks = (np.cumsum(counts) - counts / 2) / max(1, int(counts.sum()))
    return np.concatenate([ranks, [2.0, 3.0]])


def _likeness(places: Floats, lag: int) -> float:
    """Of contacts so far apart: 1 where all values are equal, 0 where none is near."""
    return float(1.0 - np.minimum(1.0, np.abs(places[lag:] - places[:-lag])).mean())


def _inflation(rho: Floats, rows: int) -> float:
    """v from the autocorrelations at lags 1, 2, …, cut where it has converged and raised by its standard error."""
    v, cut = 1.0, len(rho)
    for k, correlation in enumerate(rho.tolist()):
        v += 2.0 * correlation
        if k + 1 >= CUT * max(v, 1.0):
            cut = k + 1
            break
    return max(v, 1.0) * (1.0 + ERRORS * float(np.sqrt(2.0 * (2 * cut + 1) / rows)))


def _lags(rows: int) -> range:
    return range(1, min(rows // 4, 2_000) + 1)


def _rank_correlation(place: Ints, counts: Ints) -> Floats:
    """Autocorrelation of the normal scores of the mid-ranks."""
    scores = ndtri((np.cumsum(counts) - counts / 2) / len(place))[place]
    scores = scores - scores.mean()
    return np.array([float(scores[k:] @ scores[:-k]) for k in _lags(len(place))]) / float(scores @ scores)


def _agreement(place: Ints, counts: Ints) -> Floats:
    """How much more often than by chance two contacts have the same value: the autocorrelation of a category."""
    chance = float(((counts / len(place)) ** 2).sum())
    same = np.array([float((place[k:] == place[:-k]).mean()) for k in _lags(len(place))])
    rho: Floats = (same - chance) / (1.0 - chance)
    return rho


def _meet_too_often(place: Ints, counts: Ints, doubt: float) -> bool:
    """Whether equals follow each other beyond doubt; not of the most frequent value, so that Poisson's law holds."""
    rare = np.arange(len(counts)) != int(np.argmax(counts))
    rows = len(place)
    for k in range(1, LAGS + 1):
        expected = (rows - k) * float(((counts[rare] / rows) ** 2).sum())
        meetings = int(((place[k:] == place[:-k]) & rare[place[k:]]).sum())
        if pdtrc(meetings - 1, expected) < doubt:
            return True
    return False
