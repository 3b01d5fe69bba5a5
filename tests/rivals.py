"""Two models of known skill on the same contacts, for tests of the gate and of the pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

MEAN, SPREAD = -0.5, 1.3
"""Of the contacts' true log-odds: 41% engage, and who knew the log-odds would have an AUC of .79."""
WEAK, MIDDLING, STRONG = 4.0, 3.0, 0.5
"""Variances of a model's noise. The true AUCs are .65, .67 and .75: strong is .10 better than weak."""
_NODES, _WEIGHTS = hermegauss(21)


@dataclass(frozen=True)
class Rivals:
    """What a champion and a challenger say of labelled contacts."""

    log_odds: Floats
    champion: Floats
    challenger: Floats
    engaged: NDArray[np.int64]


def rivals(seed: int, contacts: int, champion: float, challenger: float) -> Rivals:
    """Contacts, and the scores of two models with noise of these variances, independent of each other."""
    rng = np.random.default_rng([2_000, seed])
    log_odds = rng.normal(MEAN, SPREAD, contacts)
    engaged = (rng.random(contacts) < expit(log_odds)).astype(np.int64)
    return Rivals(log_odds, scores(log_odds, champion, rng), scores(log_odds, challenger, rng), engaged)


def scores(log_odds: Floats, noise: float, rng: np.random.Generator) -> Floats:
    """P(engaged | the true log-odds seen through noise): calibrated, the AUC as good as the noise is small."""
    seen = log_odds + rng.normal(0, np.sqrt(noise), len(log_odds))
    known = SPREAD**2 / (SPREAD**2 + noise)
    about = MEAN + known * (seen - MEAN)
    found: Floats = expit(about[:, None] + np.sqrt(known * noise) * _NODES) @ (_WEIGHTS / _WEIGHTS.sum())
    return found
