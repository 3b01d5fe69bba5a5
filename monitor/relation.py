"""What labels follow from a score, as far as is known: the null of the test for concept drift.

A champion's reference has some hundred labels, too few to know the relation by: taken as it looks there, a fifth of all
champions raise a false alarm in 5,000 labels, and more of those with fewer labels (docs/statistics.md). So the relation
is a *belief* that goes on learning: a logistic regression of the label on the score's log-odds and the contact's
segment, whose coefficients have a normal law. It begins with the reference and takes every label in; the label that it
expects next is averaged over what it does not know. As long as the relation is one and the same, it is right ever more
exactly.

Sources: Spiegelhalter & Lauritzen 1990, "Sequential updating of conditional probabilities" (the update by Laplace's
method); MacKay 1992, "The evidence framework applied to classification networks" (averaging the logistic function over
a normal law).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from model.measures import SCORE_MARGIN
from monitor.features import Floats

PRIOR_SD = (2.0, 1.0, 0.3)
"""Before the reference: of the log-odds at its mean score, of the slope about 1, of what each segment adds about 0."""


def log_odds(scores: Floats | float) -> Floats:
    """Log-odds of scores.

    >>> log_odds(np.array([0.5, 0.9])).round(2)
    array([0. , 2.2])
    """
    p = np.clip(np.asarray(scores, np.float64), SCORE_MARGIN, 1 - SCORE_MARGIN)
    odds: Floats = np.log(p) - np.log1p(-p)
    return odds


def log_losses(odds: Floats, engaged: NDArray[np.integer[Any]]) -> Floats:
    """Each contact's log-loss in nats, of scores as log-odds.

    >>> log_losses(log_odds(np.array([0.5, 0.9])), np.array([1, 0])).round(2)
    array([0.69, 2.3 ])
    """
    losses: Floats = -log_expit(np.where(engaged == 1, odds, -odds))
    return losses


@dataclass(frozen=True, eq=False)
class Relation:
    """The coefficients' normal law: intercept, slope, and what each of S segments adds.

    Attributes:
        mean: shape (2 + S,).
        covariance: shape (2 + S, 2 + S).
    """

    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, rows: Floats, engaged: NDArray[np.integer[Any]], centre: float) -> Relation:
        """From a reference, by Laplace's method.

        Args:
            rows: shape (contacts, 2 + S): 1, the score's log-odds less ``centre``, and a flag per segment.
            engaged: the labels, shape (contacts,).
        """
        segments = rows.shape[1] - 2
        precision = 1.0 / np.square([*PRIOR_SD[:2], *[PRIOR_SD[2]] * segments])
        prior = np.array([centre, 1.0] + [0.0] * segments)
        mean = prior.copy()
        for _ in range(50):
            p = expit(rows @ mean)
            hessian = (rows.T * (p * (1.0 - p))) @ rows + np.diag(precision)
            step = np.linalg.solve(hessian, rows.T @ (engaged - p) - precision * (mean - prior))
            mean = mean + step
            if np.abs(step).max() < 1e-9:
                break
        return cls(mean, np.linalg.inv(hessian))

    def expects(self, row: Floats) -> float:
        """Log-odds of engagement of one contact, averaged over what is not known."""
        variance = float(row @ self.covariance @ row)
        return float(row @ self.mean) / float(np.sqrt(1.0 + np.pi * variance / 8.0))

    def after(self, row: Floats, engaged: int) -> Relation:
        """What is believed once one label more is known."""
        p = float(expit(row @ self.mean))
        spread = self.covariance @ row
        weight = p * (1.0 - p)
        covariance = self.covariance - np.outer(spread, spread) * (weight / (1.0 + weight * float(row @ spread)))
        return Relation(self.mean + covariance @ row * (engaged - p), covariance)

    def to_json(self) -> list[Sequence[float]]:
        """As JSON-able data, exactly."""
        return [self.mean.tolist(), *self.covariance.tolist()]

    @classmethod
    def from_json(cls, data: Sequence[Sequence[float]]) -> Relation:
        """The inverse of `to_json`."""
        return cls(np.array(data[0], np.float64), np.array(data[1:], np.float64))
