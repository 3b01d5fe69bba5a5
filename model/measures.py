"""What is measured of scores on labelled contacts, each figure defined once: for the sample and for its resamples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from model.resampling import Floats, Ranking

Scores = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

METRICS = (
    "roc_auc", "average_precision", "log_loss", "brier", "precision", "recall", "f1", "precision_at_top",
    "calibration_error",
)  # fmt: skip
CONFUSION = ("true_positives", "false_positives", "false_negatives", "true_negatives")
SCORE_MARGIN = 1e-6
"""Scores are kept so far away from 0 and 1, where the log-loss of a single contact would have no bound."""
BINS = 10
"""Of the calibration, with as many contacts in each."""
TOP_SHARE, TOP_LEAST = 0.10, 10
"""The contacts with the highest scores that precision at the top is about: a tenth, but at least ten."""
MISSING = "(missing)"
"""The segment of contacts that lack the column."""


def log_losses(scores: Scores, engaged: Labels) -> Floats:
    """Each contact's log-loss in nats, scores kept `SCORE_MARGIN` away from 0 and 1."""
    p = np.clip(np.asarray(scores, np.float64), SCORE_MARGIN, 1 - SCORE_MARGIN)
    return np.where(engaged == 1, -np.log(p), -np.log1p(-p))


def calibration_bins(scores: Scores) -> NDArray[np.int64]:
    """Each contact's bin by the rank of its score; equal scores share one, so bins may then differ in size."""
    ordered = np.sort(scores)
    twice = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    found: NDArray[np.int64] = twice * BINS // (2 * len(scores))
    return found


class Skill:
    """All `METRICS` and the `CONFUSION` of one model's scores, as a `Measure`.

    Precision where nothing is said to be engaged, and recall where nobody is, are 0; so is F1 then.
    """

    def __init__(self, scores: Scores, engaged: Labels, cut: float) -> None:
        p, positive = np.asarray(scores, np.float64), engaged == 1
        said, bins = p >= cut, calibration_bins(scores)
        self._ranking = Ranking(scores, engaged)
        self._top = min(len(p), max(TOP_LEAST, math.ceil(TOP_SHARE * len(p))))
        self._columns = np.column_stack(
            [log_losses(scores, engaged), (p - positive) ** 2]
            + [said & positive, said & ~positive, ~said & positive, ~said & ~positive]
            + [(p - positive) * (bins == b) for b in range(BINS)]
        )

    def __call__(self, draws: Floats) -> dict[str, Floats]:
        """The figures of each resample."""
        n = draws.shape[1]
        sums = draws @ self._columns
        confusion = sums[:, 2:6].T
        true, false, missed = confusion[:3]
        hits, said = self._ranking.above(draws)
        return {
            "roc_auc": area(hits, said),
            "average_precision": _average_precision(hits, said),
            "log_loss": sums[:, 0] / n,
            "brier": sums[:, 1] / n,
            "precision": true / np.maximum(true + false, 1),
            "recall": true / np.maximum(true + missed, 1),
            "f1": 2 * true / np.maximum(2 * true + false + missed, 1),
            "precision_at_top": _hits_among(self._top, hits, said) / self._top,
            "calibration_error": np.abs(sums[:, 6:]).sum(axis=1) / n,
        } | dict(zip(CONFUSION, confusion, strict=True))


class Gain:
    """What a challenger gains over the champion, beside the figures of both, as a `Measure`."""

    def __init__(self, champion: Scores, challenger: Scores, engaged: Labels) -> None:
        self._rankings = Ranking(champion, engaged), Ranking(challenger, engaged)
        self._losses = np.column_stack([log_losses(champion, engaged), log_losses(challenger, engaged)])

    def __call__(self, draws: Floats) -> dict[str, Floats]:
        """ΔAUC, the improvement in log-loss (nats; positive is better), and what they are differences of."""
        old, new = (area(*ranking.above(draws)) for ranking in self._rankings)
        losses = draws @ self._losses / draws.shape[1]
        return {
            "delta_auc": new - old,
            "log_loss_gain": losses[:, 0] - losses[:, 1],
            "champion roc_auc": old,
            "challenger roc_auc": new,
            "champion log_loss": losses[:, 0],
            "challenger log_loss": losses[:, 1],
        }


def baselines(rate: float, cut: float) -> dict[str, dict[str, float]]:
    """What answers without skill get where this share is engaged, in expectation over many contacts.

    - ``always_engaged`` says "engaged" of everyone, and the share engaged as the score: the best of constant scores.
    - ``random`` draws scores uniformly from 0..1, and so says "engaged" of a share 1 - cut. Its log-loss is
      -E log U = 1, its Brier score E U² = 1/3, its F1 the ratio of expectations.

    Ranking without skill finds the share engaged anywhere: that is its precision, at the top and on average.

    >>> round(baselines(0.4, 0.5)["always_engaged"]["f1"], 3)
    0.571
    """
    said = 1 - min(1.0, max(0.0, cut))
    chance = {"roc_auc": 0.5, "average_precision": rate, "precision": rate, "precision_at_top": rate}
    centres = (np.arange(BINS) + 0.5) / BINS
    return {
        "always_engaged": chance
        | {"log_loss": float(entr(rate) + entr(1 - rate)), "brier": rate * (1 - rate), "recall": 1.0}
        | {"f1": 2 * rate / (1 + rate), "calibration_error": 0.0},
        "random": chance
        | {"log_loss": 1.0, "brier": 1 / 3, "precision": rate if said else 0.0, "recall": said}
        | {"f1": 2 * rate * said / max(rate + said, 1e-12)}
        | {"calibration_error": float(np.abs(centres - rate).mean())},
    }


def area(hits: Floats, said: Floats) -> Floats:
    """ROC-AUC of each resample from `Ranking.above`: the area under its polygon, ties counting half.

    .5 in resamples without both classes.
    """
    misses = said - hits
    pairs = hits[:, -1] * misses[:, -1]
    under = np.einsum("ij,ij->i", np.diff(misses), hits[:, 1:] + hits[:, :-1]) / 2
    found: Floats = np.where(pairs > 0, under / np.maximum(pairs, 1), 0.5)
    return found


def _average_precision(hits: Floats, said: Floats) -> Floats:
    """Σ (recall gained at a score) · (precision from that score upwards), as scikit-learn has it; 0 without engaged."""
    precision = hits[:, 1:] / np.maximum(said[:, 1:], 1)
    found: Floats = np.einsum("ij,ij->i", np.diff(hits), precision) / np.maximum(hits[:, -1], 1)
    return found


def _hits_among(top: int, hits: Floats, said: Floats) -> Floats:
    """Engaged contacts among so many with the highest scores, the share of the last score's where that is split."""
    rows = np.arange(len(said))
    last = np.argmax(said >= top, axis=1)
    before, upto = said[rows, last - 1], said[rows, last]
    gained = hits[rows, last] - hits[rows, last - 1]
    found: Floats = hits[rows, last - 1] + gained * (top - before) / (upto - before)
    return found


def members_of(values: Sequence[str | None]) -> dict[str, NDArray[np.intp]]:
    """By value, in alphabetical order, which contacts have it."""
    named = np.array([MISSING if value is None else value for value in values], dtype=object)
    return {value: np.flatnonzero(named == value) for value in sorted(set(named))}
