"""The promotion rule: a challenger must be better beyond chance on contacts that neither model was trained on.

Two criteria can promote it, how it ranks (ΔAUC) and how it predicts (log-loss), and any large segment can stop it.
Whoever changes a level or a margin here finds the rates that follow with ``tests/statistical/test_gate.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from driftline.events import Decision
from model.evaluation import Interval, Labels, Scores, Segments, check, metrics
from model.measures import Gain, log_losses, members_of
from model.resampling import Floats, resampled

MIN_LABELS = 200
MIN_OF_CLASS = 10
"""Held-out labels of the rarer class: with four, a bootstrap takes an equal challenger for better one time in seven."""
CHANCE = 0.05
"""Probability that an equal challenger is promoted, at most: half of it to each criterion, which adds up to no more
whatever their dependence (Bonferroni). Twice as much would be allowed; that is for what a bootstrap of 200 misses."""
LARGE_SEGMENT = 100
"""Held-out labels from which on a segment can stop a challenger: with fewer only a disaster stands out from chance."""
MARGIN = 0.02
"""Nats of log-loss that a challenger may lose in a segment: about what is gained by learning that 40% are engaged and
not 50%."""
SEGMENT_CHANCE = 0.05
"""Probability that a challenger that is equally good in every segment is stopped by any: an equal part to each."""
RESAMPLES = 1_000


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided, on how many labels, and why, in one sentence.

    Attributes:
        interval: of ΔAUC, central, with `CHANCE` / 2 on either side.
        metrics: of both models, named ``champion_...`` and ``challenger_...``; precision, recall and F1 are at a cut
            of .5.
        evidence: by name a figure and the bounds of its interval: ``delta_auc``, ``log_loss_gain``, what they are
            differences of, and ``segment <column>=<value> log_loss_gain`` of each large segment.
    """

    decision: Decision
    why: str
    labels: int
    delta_auc: float
    interval: tuple[float, float]
    metrics: dict[str, float]
    evidence: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def decide(
    champion: Scores,
    challenger: Scores,
    engaged: Labels,
    *,
    segments: Segments = MappingProxyType({}),
    seed: int,
    min_labels: int = MIN_LABELS,
) -> GateDecision:
    """Judge a challenger by its scores on held-out contacts.

    It is promoted when the lower bound of the paired bootstrap of ΔAUC or of the log-loss improvement is above zero,
    the other does not speak clearly against it, and it is worse in no large segment by more than `MARGIN` and beyond
    chance. "Better by any amount" would promote an equal model half of the time. Below ``min_labels``, or
    `MIN_OF_CLASS` of either class, it stays in shadow.

    Raises:
        ValueError: not as many labels or values as scores, or scores outside of 0..1.
    """
    n = len(engaged)
    if not n:
        return GateDecision(*_shadow(n, 0, min_labels), n, 0.0, (0.0, 0.0), {})
    check(engaged, champion, challenger, segments=segments)
    overall, by_segment = _evidence(champion, challenger, engaged, segments, seed)
    rarer = min(int(engaged.sum()), n - int(engaged.sum()))
    if n < min_labels or rarer < MIN_OF_CLASS:
        decision, why = _shadow(n, rarer, min_labels)
    else:
        decision, why = _judge(overall["delta_auc"], overall["log_loss_gain"], by_segment, n)
    named = overall | {f"segment {segment} log_loss_gain": gain for segment, gain in by_segment.items()}
    auc = overall["delta_auc"]
    return GateDecision(
        decision=decision,
        why=why,
        labels=n,
        delta_auc=auc.value,
        interval=(auc.low, auc.high),
        metrics=_named("champion", metrics(champion, engaged)) | _named("challenger", metrics(challenger, engaged)),
        evidence={name: (found.value, found.low, found.high) for name, found in named.items()},
    )


def _shadow(labels: int, rarer: int, min_labels: int) -> tuple[Decision, str]:
    needed = f"({min_labels} are needed, at least {MIN_OF_CLASS} of them engaged and as many not)"
    which = f"{labels} held-out labels" if labels < min_labels else f"{rarer} held-out labels of one class"
    return "shadow", f"{which} are too few to judge by {needed}"


def _named(who: str, found: Mapping[str, float]) -> dict[str, float]:
    return {f"{who}_{name}": value for name, value in found.items()}


def _evidence(
    champion: Scores, challenger: Scores, engaged: Labels, segments: Segments, seed: int
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """The figures of all contacts by name, and the log-loss gain in each large segment, from the same resamples."""
    gain = Gain(champion, challenger, engaged)
    gains = log_losses(champion, engaged) - log_losses(challenger, engaged)
    large = {
        f"{column}={value}": members
        for column, values in segments.items()
        for value, members in members_of(values).items()
        if len(members) >= LARGE_SEGMENT
    }

    def measure(draws: Floats) -> dict[str, Floats]:
        parts = {segment: draws.take(members, axis=1) for segment, members in large.items()}
        return gain(draws) | {s: part @ gains[large[s]] / part.sum(axis=1) for s, part in parts.items()}

    found = resampled(measure, len(engaged), seed=seed, resamples=RESAMPLES)
    return (
        {name: Interval.around(*drawn, CHANCE / 2) for name, drawn in found.items() if name not in large},
        {name: Interval.around(*drawn, SEGMENT_CHANCE / len(large)) for name, drawn in found.items() if name in large},
    )


def _judge(auc: Interval, loss: Interval, by_segment: Mapping[str, Interval], labels: int) -> tuple[Decision, str]:
    """The rule itself."""
    criteria = (("ranks", auc), ("predicts", loss))
    better = [name for name, gain in criteria if gain.low > 0]
    worse = [name for name, gain in criteria if gain.high < 0]
    hurt = [segment for segment, gain in by_segment.items() if gain.value < -MARGIN and gain.high < 0]
    figures = f"on {labels} held-out contacts: ΔAUC {auc:+.3f}, log-loss better by {loss:+.3f}"
    if not better:
        return "rejected", f"it is not better beyond chance {figures}"
    if worse:
        return "rejected", f"it {better[0]} better but {worse[0]} worse {figures}"
    if hurt:
        worst = min(hurt, key=lambda segment: by_segment[segment].value)
        lost = -by_segment[worst].value
        return "rejected", f"it is worse where {worst}, by {lost:.3f} of log-loss, though better overall {figures}"
    return "promoted", f"it {' and '.join(better)} better beyond chance {figures}"
