"""Serial dependence, of the reference and of a window: how alike contacts are that follow each other.

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
from scipy.special import bdtrc, ndtri, pdtrc

from monitor.features import FEW, Feature, Floats, Ints, NumberFeature

CUT = 3.0
LAGS = 20
"""Dependence is looked for at so many lags."""
DOUBT = 1e-3
"""P(independent contacts are taken for dependent ones), over all features."""
ERRORS = 1.65
"""Standard errors by which the measured inflation is raised."""
PART = 60
"""A window is looked at in parts of about so many contacts, in which runs of 50 still begin and end."""
FEWEST_PARTS = 4
"""Shorter windows have shorter parts, since of one or two none would be beyond `DOUBT`."""
SHORTEST_PART = 16
"""Down to where most pairs of a part are not near each other; windows of several partitions have such parts."""
NEAR = 4
"""Contacts so far apart, or less, are near each other: they are alike in runs from 5 on."""
CLEARLY = 4.0
"""Standard deviations beyond which a part is in runs."""
TINY = 1e-12
"""Variance of rounding errors, where all contacts are equal."""
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


def comes_in_runs(
    codes: NDArray[np.unsignedinteger[Any]], features: Sequence[Feature], partitions: NDArray[np.int64]
) -> bool:
    """Whether contacts that follow each other are alike.

    Runs are everywhere, and a drift sets in somewhere: so each part of a window is asked for itself whether contacts
    near each other are more alike than any two of it (Mantel 1967, "The detection of disease clustering"). A drift is
    seen in the part where it sets in, and in hardly any where it comes slowly.

    For independent contacts, whatever their law, a part goes beyond `CLEARLY` with a probability of 1/(1 + CLEARLY²)
    at most (Cantelli's inequality), and the parts do so independently. As many as the binomial law has beyond `DOUBT`
    are runs: 3 of 4 parts, 4 of 8, 6 of 16; and two more than partitions, since a drift sets in once in each.

    Args:
        codes: in order of arrival, shape (contacts, features).
        partitions: where each contact comes from. Those of one partition follow each other, those of several do not.
    """
    among = np.unique(partitions)
    length = max(SHORTEST_PART, min(PART, len(codes) // FEWEST_PARTS) // max(1, len(among)))
    parts = [nearness(_likeness(codes[partitions == one], features, length)) for one in among]
    alike = sum(int((found > CLEARLY).sum()) for found in parts)
    chance = bdtrc(alike - 1, sum(map(len, parts)), 1.0 / (1.0 + CLEARLY**2))
    return bool(alike >= len(among) + 2 and chance < DOUBT)


def nearness(likeness: Floats) -> Floats:
    """How much more alike near contacts are than any two, for likenesses of shape (parts, n, n): shape (parts,).

    Measured in standard deviations over all orders of a part's contacts, in which the mean is 0. Both are exact: with
    each contact's mean likeness to the others taken away, products of the likenesses of different pairs have mean
    -q/(n - 2) where they share a contact and 2q/((n - 2)(n - 3)) where they do not, q being the mean square.
    """
    n = likeness.shape[1]
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    near = np.triu(apart <= NEAR, 1)
    sums = likeness.sum(axis=2)
    level = (sums - sums.sum(axis=1, keepdims=True) / (2 * (n - 1))) / (n - 2)
    centred = (likeness - level[:, :, None] - level[:, None, :]) * (apart > 0)
    q = np.square(centred).sum(axis=(1, 2)) / (n * (n - 1))
    degrees = near.sum(axis=0) + near.sum(axis=1)
    pairs, touching = int(near.sum()), int((degrees * (degrees - 1)).sum())
    disjoint = pairs * (pairs - 1) - touching
    variance = q * (pairs - touching / (n - 2) + 2 * disjoint / ((n - 2) * (n - 3)))
    out: Floats = centred[:, near].sum(axis=1) / np.sqrt(np.maximum(variance, TINY))
    return out


def _place_of_code(feature: Feature) -> Floats:
    """Where each code stands: numbers at their mid-rank in (0, 1), everything else further apart than that."""
    if not isinstance(feature, NumberFeature):
        return np.arange(feature.size, dtype=np.float64)
    counts = feature.reference[:-2]
    ranks = (np.cumsum(counts) - counts / 2) / max(1, int(counts.sum()))
    return np.concatenate([ranks, [2.0, 3.0]])


def _likeness(codes: NDArray[np.unsignedinteger[Any]], features: Sequence[Feature], length: int) -> Floats:
    """Of any two contacts of a part, shape (parts, n, n) with n from ``length`` on: 0 where all values are equal."""
    parts = len(codes) // length
    n = len(codes) // parts if parts else length
    recent = codes[len(codes) - parts * n :]
    likeness = np.zeros((parts, n, n))
    for j, feature in enumerate(features):
        places = _place_of_code(feature)[recent[:, j]].reshape(parts, n)
        likeness -= np.minimum(1.0, np.abs(places[:, :, None] - places[:, None, :]))
    return likeness


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
