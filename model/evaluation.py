"""How good scores are, and how much better one model's are than another's on the same contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Interval:
    """A paired difference and its central 80% bootstrap interval."""

    value: float
    low: float
    high: float


def roc_auc(scores: Scores, engaged: Labels) -> float:
    """P(score of an engaged contact > score of another), ties counting half (Mann-Whitney U); .5 without both classes.

    >>> roc_auc(np.array([.1, .4, .4, .8]), np.array([0, 0, 1, 1]))
    0.875
    """
    positives = int(engaged.sum())
    negatives = len(engaged) - positives
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(scores)
    return float((ranks[engaged == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def log_losses(scores: Scores, engaged: Labels) -> NDArray[np.float64]:
    """Each contact's log-loss in nats, scores kept 1e-6 away from 0 and 1."""
    p = np.clip(np.asarray(scores, np.float64), 1e-6, 1 - 1e-6)
    return np.where(engaged == 1, -np.log(p), -np.log1p(-p))


def metrics(scores: Scores, engaged: Labels) -> dict[str, float]:
    """AUC, log-loss, precision, recall and F1 at .5, beside the F1 of always answering "engaged"."""
    said = np.asarray(scores) >= 0.5
    hits = int((said & (engaged == 1)).sum())
    positives = int(engaged.sum())
    return {
        "roc_auc": roc_auc(scores, engaged),
        "log_loss": float(log_losses(scores, engaged).mean()),
        "precision": hits / max(1, int(said.sum())),
        "recall": hits / max(1, positives),
        "f1": 2 * hits / max(1, int(said.sum()) + positives),
        "f1_always_engaged": 2 * positives / max(1, len(engaged) + positives),
        "engaged_rate": positives / max(1, len(engaged)),
    }


def compare(
    champion: Scores,
    challenger: Scores,
    engaged: Labels,
    *,
    seed: int,
    resamples: int = 1_000,
    tail: float = 0.10,
) -> tuple[Interval, Interval]:
    """ΔAUC and the improvement in log-loss of challenger over champion, each with a paired bootstrap interval.

    Contacts are resampled, and both models are judged on the same resample (Efron & Tibshirani 1993, ch. 8), so
    what makes a contact hard for both cancels out.
    """
    rng = np.random.default_rng(seed)
    n = len(engaged)
    gain = log_losses(champion, engaged) - log_losses(challenger, engaged)
    aucs, losses = np.empty(resamples), np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(0, n, n)
        aucs[i] = roc_auc(challenger[drawn], engaged[drawn]) - roc_auc(champion[drawn], engaged[drawn])
        losses[i] = gain[drawn].mean()
    delta = roc_auc(challenger, engaged) - roc_auc(champion, engaged)
    return _interval(delta, aucs, tail), _interval(float(gain.mean()), losses, tail)


def _interval(value: float, resampled: NDArray[np.float64], tail: float) -> Interval:
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def best_cut(scores: Scores, engaged: Labels) -> float:
    """The cut with the highest F1."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    hits = np.cumsum(engaged[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + engaged.sum())
    return float(np.asarray(scores)[order[int(np.argmax(f1))]])
