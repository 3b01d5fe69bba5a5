"""The exact two-sample Kolmogorov-Smirnov test of a window of codes against the reference, all features at once."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from monitor.reference import Codes, Floats, Reference


@dataclass(frozen=True)
class KSReport:
    """For each feature: the statistic D in [0, 1], and the signed gap in [-1, 1] where it is reached.

    The effect is positive where the current window lies higher than the reference; its size is D.
    """

    statistic: Floats
    effect: Floats


def ks_statistics(reference: Reference, window: Codes) -> KSReport:
    """Exact D for every feature of a window of codes (rows, features), at most 65,535 of them.

    With n reference and m window rows, n·m·(F_window - F_reference) is an integer at every code; comparing
    integers avoids rounding, and D equals that of `scipy.stats.ks_2samp`, ties included.

    >>> reference = Reference.from_features(np.array([[1.0], [2.0], [3.0]]), ["x"], ["x"])
    >>> ks_statistics(reference, reference.encode(np.array([[2.0], [3.0], [9.0]]))).statistic.tolist()
    [0.3333333333333333]
    """
    n, m = reference.rows, len(window)
    common = math.gcd(n, m)
    starts = reference.starts[:-1]
    flat = np.bincount((window + starts).ravel(), minlength=int(reference.starts[-1]))
    cumulative = np.cumsum(flat)
    # Every feature contributes m contacts, so the running sum before feature j is j·m.
    before = np.repeat(np.arange(len(starts)) * m, np.diff(reference.starts))
    gap = (n // common) * (cumulative - before) - (m // common) * reference.cumulative
    above = np.maximum.reduceat(gap, starts)
    below = np.minimum.reduceat(gap, starts)
    scale = n // common * m
    effect = np.where(above >= -below, -above, -below) / scale
    return KSReport(np.maximum(above, -below) / scale, effect)


def p_value(reference: Reference, window: Codes, feature: int) -> float:
    """The p-value of scipy's two-sample test for one feature: codes keep order and ties, so it is the same."""
    with warnings.catch_warnings():
        # scipy warns when it has to take the asymptotic p-value; which of the two it is does not matter here.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(ks_2samp(reference.codes_of(feature), window[:, feature]).pvalue)


def unseen_share(window: Codes) -> NDArray[np.float64]:
    """For each feature, the share of the window's values that equal no value of the reference."""
    share: NDArray[np.float64] = (window % 2 == 0).mean(axis=0)
    return share
