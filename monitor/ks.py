"""The exact rolling two-sample Kolmogorov-Smirnov test of the window against the reference, all numbers at once.

With n reference and m window values, n·m·(F_window - F_reference) is an integer at every code. An arrival changes it
by n from one code on, so the window keeps, for blocks of codes, the sum and the extremes of the changes, and renews
only the blocks that an arrival or a departure touched. D then equals that of `scipy.stats.ks_2samp` over the values
that are there, bit for bit, ties and infinities included.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.features import Floats, Ints, NumberFeature
from monitor.reference import Codes, Reference

SCIPY_EXACT = 10_000
"""Up to this size scipy rounds D to a multiple of 1/lcm(n, m); beyond, it subtracts two floating-point shares."""


@dataclass(frozen=True)
class KSReport:
    """For each feature of the reference, NaN for categories and where a side has no values.

    Attributes:
        statistic: D in [0, 1].
        effect: the signed gap in [-1, 1] where D is reached, positive where the window lies higher.
        present: values in the window, n.b. without missing ones.
    """

    statistic: Floats
    effect: Floats
    present: Ints


@dataclass
class RollingKS:
    """The last ``window`` contacts, and the statistic of every number among them.

    >>> reference = Reference.from_features(np.array([[1.0], [2.0], [3.0]]), ["x"], ["x"])
    >>> rolling = RollingKS(reference, window=2)
    >>> rolling.push(reference.encode(np.array([[2.0], [3.0], [9.0]]))).statistic.round(3).tolist()
    [0.667]
    """

    reference: Reference
    window: int
    _numbers: Ints = field(init=False)
    _arrays: dict[str, NDArray[Any]] = field(init=False)

    def __post_init__(self) -> None:
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        features = self.reference.features
        self._numbers = np.array([j for j, f in enumerate(features) if isinstance(f, NumberFeature)], np.int64)
        held = [f for f in features if isinstance(f, NumberFeature)]
        sizes = np.array([f.size - 2 for f in held], np.int64)
        blocks = -(-sizes // kernels.BLOCK)
        count = len(held)
        self._arrays = {
            "ring": np.full((self.window, count), -1, np.int64),
            "cursor": np.zeros(3, np.int64),
            "starts": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            "blocks": np.concatenate([[0], np.cumsum(blocks)]).astype(np.int64),
            "reference": np.concatenate([f.reference[:-2] for f in held] or [np.empty(0, np.int64)]),
            "rows": np.array([int(f.counts.sum()) for f in held], np.int64),
            "present": np.zeros(count, np.int64),
            "settled": np.zeros(count, np.int64),
            "gaps": np.zeros(int(sizes.sum()), np.int64),
            "stale": np.ones(int(blocks.sum()), np.uint8),
            "sums": np.zeros(int(blocks.sum()), np.int64),
            "highest": np.zeros(int(blocks.sum()), np.int64),
            "lowest": np.zeros(int(blocks.sum()), np.int64),
            "moved": np.ones(count, np.uint8),
            "extremes": np.zeros((2, count), np.int64),
        }

    def push(self, codes: Codes) -> KSReport:
        """Let contacts (rows of codes) in, the oldest out, and test what is there."""
        self._roll(codes, 0, 0)
        return self._report()

    def trace(self, codes: Codes, every: int = 1) -> Floats:
        """Let contacts in one by one; D after every ``every``-th with a full window, shape (tests, features)."""
        found = self._roll(codes, every, len(codes) // every + 1)
        if len(self._numbers) == len(self.reference.features):
            return found
        out = np.full((len(found), len(self.reference.features)), np.nan)
        out[:, self._numbers] = found
        return out

    def _roll(self, codes: Codes, every: int, tests: int) -> Floats:
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        mine = codes if len(self._numbers) == codes.shape[1] else codes[:, self._numbers]
        statistic = np.empty((tests, len(self._numbers)))
        written = kernels.roll(np.ascontiguousarray(mine), every, **self._arrays, statistic=statistic)
        return statistic[:written]

    def _report(self) -> KSReport:
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        a = self._arrays
        extremes, rows, present = a["extremes"], a["rows"], a["present"]
        scale = rows * present
        statistic, effect = (np.full(len(self.reference.features), np.nan) for _ in range(2))
        held = np.zeros(len(self.reference.features), np.int64)
        up, down = extremes[0].astype(np.float64), extremes[1].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.where(scale > 0, scale, np.nan)
            statistic[self._numbers] = np.maximum(up, -down) / scaled
            effect[self._numbers] = np.where(up > -down, -up, -down) / scaled
        large = (np.maximum(rows, present) > SCIPY_EXACT) & (scale > 0)
        for j in np.flatnonzero(large).tolist():
            statistic[self._numbers[j]] = kernels.float_statistic(
                j, a["starts"], a["blocks"], a["gaps"], a["reference"], a["sums"], a["highest"], a["lowest"],
                rows[j], present[j], extremes[0, j], extremes[1, j],
            )  # fmt: skip
        held[self._numbers] = present
        return KSReport(statistic, effect, held)


def p_value(reference: Reference, window: Codes, feature: int, statistic: float) -> float:
    """The p-value of scipy's two-sample test for one number, exact or asymptotic by scipy's own rule.

    Args:
        statistic: D of the feature in this window.
    """
    held = reference.features[feature]
    assert isinstance(held, NumberFeature)
    n, m = int(held.counts.sum()), int((window[:, feature] < held.size - 2).sum())
    return _p_value(n, m, statistic)


@lru_cache(maxsize=100_000)
def _p_value(n: int, m: int, statistic: float) -> float:
    from scipy.stats import ks_2samp, kstwo  # noqa: PLC0415  (it takes two seconds to load)

    if max(n, m) > SCIPY_EXACT:
        return float(np.clip(kstwo.sf(statistic, np.round(n * m / (n + m))), 0, 1))
    with warnings.catch_warnings():
        # scipy warns when it has to take the asymptotic p-value; which of the two it is does not matter here.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(ks_2samp(*_samples(n, m, round(statistic * n * m))).pvalue)


def _samples(n: int, m: int, gap: int) -> tuple[Ints, Ints]:
    """Two samples of n and m values whose D is gap / (n·m): scipy's p-value depends on nothing else.

    The k lowest of one and l of the other are 0, with k·m - l·n = gap, and the rest are 1.
    """
    divisor = math.gcd(n, m)
    k = gap // divisor * pow(m // divisor, -1, n // divisor) % (n // divisor) if n > divisor else 0
    while (k * m - gap) % n or k * m < gap:
        k += n // divisor
    first, second = np.ones(n, np.int64), np.ones(m, np.int64)
    first[:k] = 0
    second[: (k * m - gap) // n] = 0
    return first, second
