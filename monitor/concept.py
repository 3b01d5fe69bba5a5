"""The sequential test for concept drift: evidence that labels no longer follow the scores as they did.

A *rival* is another story of how labels follow scores: more engage, or fewer, whatever the score; the score says
nothing; it says the contrary, about its mean or altogether. Each is told of all contacts and of every segment alone. A
label y of a contact with score s multiplies the evidence for a rival q against what is believed, p:

    e = q(y | s) / p(y | s),        R ← (1 + R)·e,

so log e is what the champion's log-loss, put right by the labels of its reference, is above the rival's. Given the past
and the score, e has expectation 1 where labels are drawn from p, so R, the sum over all starts of the evidence against
"no drift since then", less the number of labels is a martingale. By Doob's inequality the mean of R over all rivals
reaches c within t labels with probability t/c at most: the threshold is a division and needs no simulation. Other
scores alone, with labels that follow them as before, are no evidence.

p is a belief that learns (`monitor.relation`), so the expectation is 1 on average over what the reference leaves open,
not for each truth; that the rate holds was found by simulation (docs/statistics.md).

Sources: Shiryaev 1963, Roberts 1966 (the recursion); Shin, Ramdas & Rinaldo 2024, "E-detectors" (the bound).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_expit

from monitor.features import Floats, Ints

SHIFT = 0.8
"""How many log-odds more, or fewer, engage: from 40% to 60%."""
RIVALS: tuple[str, ...] = (
    "more engage than their scores say",
    "fewer engage than their scores say",
    "the scores say nothing of who engages",
    "of two contacts the one with the lower score engages",
    "who should engage does not, and the other way round",
)
"""In the order of `gains`, for people."""
OF_ALL = 2
"""How many of them are about how many engage; the others are about who."""
EARLY = 0.7
"""Part of the false-alarm rate that is spent; the rest covers that p is not known exactly."""
MOST = 1e100
"""Where evidence stops growing: it has long said all, and must not overflow."""


def threshold(false_alarm_rate: float, horizon: int) -> float:
    """Evidence that is reached within ``horizon`` labels without drift with a probability of the rate at most.

    >>> round(threshold(0.05, 5_000))
    142857
    """
    return horizon / (EARLY * false_alarm_rate)


def gains(expected: float, centre: float, engaged: int) -> Floats:
    """log e of every rival for one label, in nats.

    Args:
        expected: log-odds of engagement as believed.
        centre: the same at the mean score.
    """
    sign = 1.0 if engaged else -1.0
    rivals = np.array([expected + SHIFT, expected - SHIFT, centre, 2.0 * centre - expected, -expected])
    found: Floats = log_expit(sign * rivals) - log_expit(sign * expected)
    return found


def weights(columns: Sequence[str]) -> Floats:
    """The stake on each rival of all contacts and of each segment, shape (1 + S, rivals); they sum to 1.

    Args:
        columns: that each segment is a value of. All contacts have half, the columns share the rest.
    """
    if not columns:
        return np.full((1, len(RIVALS)), 1.0 / len(RIVALS))
    shares = [0.5 / len(set(columns)) / columns.count(column) for column in columns]
    return np.outer([0.5, *shares], np.full(len(RIVALS), 1.0 / len(RIVALS)))


@dataclass(frozen=True, eq=False)
class ConceptEvidence:
    """What the test carries from label to label, each of shape (1 + S, rivals).

    Attributes:
        sums: R, the Shiryaev-Roberts sum.
        products: the evidence since the likeliest start (CUSUM), at least 1 when it begins.
        ages: labels since that start.
    """

    sums: Floats
    products: Floats
    ages: Ints

    @classmethod
    def start(cls, segments: int) -> ConceptEvidence:
        """The evidence before the first label."""
        shape = (1 + segments, len(RIVALS))
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))

    def after(self, gained: Floats, concerned: Sequence[int]) -> ConceptEvidence:
        """The evidence after one label.

        Args:
            gained: log e of each rival.
            concerned: the places of all contacts (0) and of the contact's segments (from 1 on).
        """
        grown = np.exp(gained)
        sums, products = 1.0 + self.sums, self.products.copy()
        ages = np.where(products > 1.0, self.ages + 1, 1)
        places = list(concerned)
        sums[places] *= grown
        products[places] = np.maximum(products[places], 1.0) * grown
        return ConceptEvidence(np.minimum(sums, MOST), np.minimum(products, MOST), ages)

    def total(self, stakes: Floats) -> float:
        """The evidence of all rivals together, 1 a label where nothing drifts."""
        return float((stakes * self.sums).sum())

    def strongest(self, stakes: Floats) -> tuple[int, int]:
        """Place and rival of which there is most evidence."""
        place, rival = np.unravel_index(int(np.argmax(stakes * self.sums)), stakes.shape)
        return int(place), int(rival)

    def to_json(self) -> list[list[list[float]]]:
        """As JSON-able data, exactly."""
        return [self.sums.tolist(), self.products.tolist(), self.ages.tolist()]

    @classmethod
    def from_json(cls, data: Sequence[Sequence[Sequence[float]]]) -> ConceptEvidence:
        """The inverse of `to_json`."""
        return cls(np.array(data[0], np.float64), np.array(data[1], np.float64), np.array(data[2], np.int64))


@dataclass(frozen=True, eq=False)
class Trial:
    """What the rivals gain over a stretch of labels, in nats, shape (1 + S, rivals): whether a drift is over.

    The rival that proved a drift may be none that describes it, so all are heard: they are calm when, staked as ever,
    they lose to what is believed.
    """

    gained: Floats
    labels: int = 0

    @classmethod
    def start(cls, segments: int) -> Trial:
        """Before the first label."""
        return cls(np.zeros((1 + segments, len(RIVALS))))

    def after(self, gained: Floats, concerned: Sequence[int]) -> Trial:
        """With one label more, see `ConceptEvidence.after`."""
        sums = self.gained.copy()
        sums[list(concerned)] += gained
        return Trial(sums, self.labels + 1)

    def is_calm(self, stakes: Floats) -> bool:
        """Whether the rivals together would have lost what was staked on them.

        >>> Trial(np.array([[-3.0, -2.0, -4.0, -9.0, -9.0]]), 500).is_calm(weights([]))
        True
        """
        return bool((stakes * np.exp(np.minimum(self.gained, np.log(MOST)))).sum() < 1.0)

    def to_json(self) -> list[Any]:
        """As JSON-able data, exactly."""
        return [self.gained.tolist(), self.labels]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Trial:
        """The inverse of `to_json`."""
        return cls(np.array(data[0], np.float64), int(data[1]))
