"""Contacts whose odds of engagement are known, so that scores are judged without the noise of drawn labels.

Every contact counts as engaged with its true probability, and as not engaged with the rest: the figures are what they
would be on average over all labels that could have been drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from driftline.events import Contact
from producers.scenarios import SCENARIOS
from producers.synthetic import labelled_contacts

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
START = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = 40_000
"""Added to seeds, so that these people are not those of a stream of that seed."""


@dataclass(frozen=True, eq=False)
class Known:
    """Labelled contacts and their log-odds, shape (contacts,)."""

    labelled: Sequence[tuple[Contact, int]]
    logits: Floats

    def __getitem__(self, part: slice) -> Known:
        return Known(self.labelled[part], self.logits[part])

    @property
    def contacts(self) -> list[Contact]:
        """Without their labels."""
        return [contact for contact, _ in self.labelled]

    @property
    def labels(self) -> NDArray[np.int64]:
        """One draw from the odds."""
        return np.array([engaged for _, engaged in self.labelled], np.int64)

    @property
    def rate(self) -> float:
        """The mean probability of engagement."""
        return float(expit(self.logits).mean())

    @property
    def attainable(self) -> float:
        """The ROC-AUC of who knows the odds: no model's is higher, but by chance."""
        return self.auc(self.logits)

    def auc(self, scores: Scores) -> float:
        """P(score of an engaged contact > score of another), ties counting half."""
        engaged, weights = self._both_ways()
        return float(roc_auc_score(engaged, np.tile(scores, 2), sample_weight=weights))

    def log_loss(self, scores: Scores) -> float:
        """The mean log-loss in nats."""
        engaged, weights = self._both_ways()
        return float(log_loss(engaged, np.tile(np.asarray(scores, np.float64), 2), sample_weight=weights))

    def base_rate_log_loss(self) -> float:
        """Of saying the true base rate of everyone."""
        return self.log_loss(np.full(len(self.logits), self.rate))

    def recalibration(self, scores: Scores) -> tuple[float, float]:
        """Slope and intercept of the logistic regression on the scores' log-odds: 1 and 0 of calibrated ones."""
        engaged, weights = self._both_ways()
        margins = np.log(scores / (1 - np.asarray(scores, np.float64)))
        fitted = LogisticRegression(C=1e6).fit(np.tile(margins, 2)[:, None], engaged, sample_weight=weights)
        return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])

    def f1(self, scores: Scores, cut: float) -> float:
        """F1 of saying "engaged" from the cut on; of a cut of 0, of always saying so."""
        engaged, said = expit(self.logits), np.asarray(scores) >= cut
        return float(2 * engaged[said].sum() / (said.sum() + engaged.sum()))

    def _both_ways(self) -> tuple[NDArray[np.int64], Floats]:
        """Each contact as an engaged one and, after all of those, as another, with the probability of either."""
        probability = expit(self.logits)
        return np.repeat([1, 0], len(probability)), np.concatenate([probability, 1 - probability])


def known(n: int, seed: int, scenario: str = "no_drift_baseline") -> Known:
    """``n`` contacts of a scenario's new kind; of the baseline that is the usual one."""
    drawn = SCENARIOS[scenario].stretch(0, n, seed=KNOWN + seed)
    labelled = labelled_contacts(drawn.columns, drawn.engaged, f"known {scenario}", seed, 0, START)
    return Known(list(labelled), drawn.logits)
