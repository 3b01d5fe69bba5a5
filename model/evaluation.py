"""How good scores are, and how much better one model's are than another's on the same contacts.

Every figure comes with a bootstrap interval, and beside what two answers without any skill would get: on labels of
which 40% are engaged, always saying "engaged" has an F1 of .57.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.measures import (
    CONFUSION,
    METRICS,
    Gain,
    Labels,
    Scores,
    Skill,
    area,
    baselines,
    calibration_bins,
    log_losses,
    members_of,
)
from model.resampling import Floats, Measure, Ranking, resampled

__all__ = [
    "LEVEL", "Evaluation", "Interval", "Labels", "Scores", "Segment", "Segments", "baselines", "best_cut", "check",
    "compare", "evaluate", "log_losses", "metrics", "roc_auc",
]  # fmt: skip

Segments = Mapping[str, Sequence[str | None]]
"""Column -> the value of each contact."""

LEVEL = 0.90
"""Of the intervals of an evaluation, which are central."""
SEGMENT_LEAST = 30
"""Segments with fewer labels get no figures, only counts."""


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds of its bootstrap interval."""

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, draws: Floats, tail: float) -> Interval:
        """From the resamples' quantiles ``tail`` and 1 - ``tail``, moved by as much as their mean is off the value.

        Resamples repeat contacts, and so look worse calibrated and better sorted at the top than the sample is.
        """
        low, high = np.quantile(draws, [tail, 1 - tail]) + (value - draws.mean())
        return cls(value, min(value, float(low)), max(value, float(high)))

    def __format__(self, form: str) -> str:
        """With both bounds, each in this form.

        >>> f"{Interval(0.64321, 0.6, 0.69):.3f}"
        '0.643 [0.600, 0.690]'
        """
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"

    def within(self, least: float, most: float) -> Interval:
        """Without what lies outside of a figure's range."""
        return Interval(self.value, max(least, self.low), min(most, self.high))


@dataclass(frozen=True)
class Segment:
    """Contacts that share a column's value; no figures below 30 labels, or without both classes."""

    labels: int
    engaged: int
    roc_auc: Interval | None = None
    log_loss: Interval | None = None


@dataclass(frozen=True)
class Evaluation:
    """How good a model's scores are on labelled contacts.

    Attributes:
        cut: scores from here on say "engaged".
        level: probability that the intervals are made for.
        metrics: ``roc_auc``, ``average_precision``, ``log_loss`` (nats), ``brier``, ``precision``, ``recall`` and
            ``f1`` at the cut, ``precision_at_top`` (of the tenth with the highest scores, at least 10 contacts),
            ``calibration_error`` (mean distance between score and share engaged, over 10 bins of equal count; noise
            alone makes some of it in few contacts).
        confusion: ``true_positives``, ``false_positives``, ``false_negatives``, ``true_negatives``, in contacts.
        baselines: the same metrics of ``always_engaged`` and of ``random``; see `baselines`.
        calibration: mean score, share engaged and number of contacts of each bin, the lowest scores first.
        segments: by column and value.
    """

    labels: int
    engaged: int
    cut: float
    level: float
    metrics: Mapping[str, Interval]
    confusion: Mapping[str, Interval]
    baselines: Mapping[str, Mapping[str, float]]
    calibration: Sequence[tuple[float, float, int]]
    segments: Mapping[str, Mapping[str, Segment]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`.

        Raises:
            ValueError: that is no evaluation; the message names the field.
        """
        return msgspec.convert(data, cls)


def roc_auc(scores: Scores, engaged: Labels) -> float:
    """P(score of an engaged contact > score of another), ties counting half (Mann-Whitney U); .5 without both classes.

    >>> roc_auc(np.array([.1, .4, .4, .8]), np.array([0, 0, 1, 1]))
    0.875
    """
    return float(area(*Ranking(scores, engaged).above(np.ones((1, len(scores)))))[0])


def metrics(scores: Scores, engaged: Labels, *, cut: float = 0.5) -> dict[str, float]:
    """The metrics of an `Evaluation` without their intervals, the share engaged, and the F1 of always saying so.

    Raises:
        ValueError: as `evaluate`.
    """
    check(engaged, scores)
    found = Skill(scores, engaged, cut)(np.ones((1, len(scores))))
    rate = float(engaged.mean())
    floor = {"f1_always_engaged": baselines(rate, cut)["always_engaged"]["f1"], "engaged_rate": rate}
    return {name: float(found[name][0]) for name in METRICS} | floor


def best_cut(scores: Scores, engaged: Labels) -> float:
    """The cut with the highest F1: midway between two scores, or between 0 and the lowest; .5 without both classes.

    Of cuts that are equally good the lowest.

    >>> best_cut(np.array([.1, .25, .5, .75]), np.array([0, 0, 1, 1]))
    0.375
    """
    if not 0 < engaged.sum() < len(engaged):
        return 0.5
    ranking = Ranking(scores, engaged)
    hits, said = (counts[0, 1:] for counts in ranking.above(np.ones((1, len(scores)))))
    f1 = 2 * hits / (said + hits[-1])
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    below = float(ranking.distinct[best + 1]) if best + 1 < len(f1) else 0.0
    return (float(ranking.distinct[best]) + below) / 2


def evaluate(
    scores: Scores,
    engaged: Labels,
    *,
    cut: float,
    segments: Segments = MappingProxyType({}),
    seed: int,
    resamples: int = 1_000,
) -> Evaluation:
    """All figures of one model, with central 90% intervals from the same bootstrap resamples of the contacts.

    Args:
        scores: in 0..1, shape (contacts,).
        engaged: 0 or 1, the same shape.
        cut: scores from here on say "engaged"; see `best_cut`, and choose it on other contacts than these.

    Raises:
        ValueError: no contacts, or not as many labels or values as scores, or labels or scores outside of their range.
    """
    check(engaged, scores, segments=segments)
    parts = [
        _Part(column, value, members, scores, engaged)
        for column, values in segments.items()
        for value, members in members_of(values).items()
    ]
    measures: list[Measure] = [Skill(scores, engaged, cut), *(part for part in parts if part.told)]

    def measure(draws: Floats) -> dict[str, Floats]:
        return {name: found for one in measures for name, found in one(draws).items()}

    found = resampled(measure, len(scores), seed=seed, resamples=resamples)
    intervals = {name: Interval.around(*drawn, (1 - LEVEL) / 2) for name, drawn in found.items()}
    return Evaluation(
        labels=len(scores),
        engaged=int(engaged.sum()),
        cut=cut,
        level=LEVEL,
        metrics={name: intervals[name].within(0, math.inf if name == "log_loss" else 1) for name in METRICS}
        | ({} if 0 < engaged.sum() < len(engaged) else {"roc_auc": Interval(0.5, 0.0, 1.0)}),
        confusion={name: intervals[name].within(0, len(scores)) for name in CONFUSION},
        baselines=baselines(float(engaged.mean()), cut),
        calibration=_calibration(scores, engaged),
        segments={
            column: {part.value: part.segment(intervals) for part in parts if part.column == column}
            for column in segments
        },
    )


def compare(
    champion: Scores,
    challenger: Scores,
    engaged: Labels,
    *,
    seed: int,
    resamples: int = 1_000,
    tail: float = (1 - LEVEL) / 2,
) -> tuple[Interval, Interval]:
    """ΔAUC and the improvement in log-loss of challenger over champion, each with a paired bootstrap interval.

    Contacts are resampled, and both models are judged on the same resample (Efron & Tibshirani 1993, ch. 8), so
    what makes a contact hard for both cancels out.

    Args:
        tail: probability of being below the interval, and of being above it.

    Raises:
        ValueError: as `evaluate`.
    """
    check(engaged, champion, challenger)
    found = resampled(Gain(champion, challenger, engaged), len(engaged), seed=seed, resamples=resamples)
    return Interval.around(*found["delta_auc"], tail), Interval.around(*found["log_loss_gain"], tail)


def check(engaged: Labels, *scores: Scores, segments: Segments = MappingProxyType({})) -> None:
    """Refuse what cannot be evaluated.

    Raises:
        ValueError: no contacts, or not as many labels or values as scores, or labels or scores outside their range.
    """
    if not len(engaged):
        raise ValueError("nothing to evaluate: no labelled contacts; give some that no model was trained on")
    sizes = {len(values) for values in (engaged, *scores, *segments.values())}
    if len(sizes) > 1:
        raise ValueError(f"labels, scores and segments differ in length ({sorted(sizes)}): give one each per contact")
    if not np.isin(engaged, (0, 1)).all():
        raise ValueError("labels other than 0 and 1: give 1 for an engaged contact and 0 for another")
    if not all(((values >= 0) & (values <= 1)).all() for values in scores):
        raise ValueError("scores outside of 0..1: give probabilities, none missing")


def _calibration(scores: Scores, engaged: Labels) -> list[tuple[float, float, int]]:
    bins = calibration_bins(scores)
    members = [bins == b for b in np.unique(bins)]
    return [(float(scores[m].mean(dtype=np.float64)), float(engaged[m].mean()), int(m.sum())) for m in members]


class _Part:
    """A segment of the contacts, as a `Measure`."""

    def __init__(self, column: str, value: str, members: NDArray[np.intp], scores: Scores, engaged: Labels) -> None:
        self.column, self.value = column, value
        self._members = members
        self._engaged = engaged[members]
        self._ranking = Ranking(scores[members], self._engaged)
        self._losses = log_losses(scores[members], self._engaged)

    @property
    def told(self) -> bool:
        """Whether its figures would say anything."""
        return len(self._members) >= SEGMENT_LEAST and 0 < self._engaged.sum() < len(self._engaged)

    def __call__(self, draws: Floats) -> dict[str, Floats]:
        own = draws.take(self._members, axis=1)
        auc, loss = self._names()
        return {auc: area(*self._ranking.above(own)), loss: own @ self._losses / np.maximum(own.sum(axis=1), 1)}

    def segment(self, intervals: Mapping[str, Interval]) -> Segment:
        """Its counts and, where they say anything, its figures."""
        auc, loss = (intervals.get(name) for name in self._names())
        return Segment(
            labels=len(self._members),
            engaged=int(self._engaged.sum()),
            roc_auc=auc and auc.within(0, 1),
            log_loss=loss and loss.within(0, math.inf),
        )

    def _names(self) -> tuple[str, str]:
        return f"{self.column}={self.value} roc_auc", f"{self.column}={self.value} log_loss"
