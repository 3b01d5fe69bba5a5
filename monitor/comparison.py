"""A window beside its reference, row by row, as a report takes them: the values themselves, and what ours says of them.

What goes into a report may be read by whoever reads alerts, so it holds no contact's text: free texts are lengths, and
of categories only values are named that the reference has often. The others are counted together, as in the monitor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from driftline.events import Prediction
from model.bundle import Bundle
from monitor.categorical import FREQUENT, MOST_VALUES
from monitor.config import EngineConfig
from monitor.contact_reference import reference_of, reference_values, values
from monitor.explain import figures_of
from monitor.features import CategoryFeature, Floats, Ints, is_number_like
from monitor.findings import Look, Proof, strongest_on
from monitor.ks import RollingKS
from monitor.plan import KINDS, Plan
from monitor.reference import Codes

RARE, UNSEEN, MISFIT = "(rare values)", "(unseen values)", "(another type)"
LONGEST_NAME = 60
"""Characters of a category's value that are shown."""

Value = float | str | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our tests says of a feature in this window; None where there is nothing to say it by."""

    test: str
    statistic: float | None
    threshold: float | None
    p_value: float | None
    drifted: bool


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One watched feature: its values on both sides, None where one is missing, and our verdicts.

    ``ks`` is None for categories and where a side is empty. ``strongest`` is whichever of our tests of the window is
    farthest over its threshold, or nearest to it; ``ks`` may be that one.
    """

    name: str
    column: str
    number: bool
    reference: list[Value]
    current: list[Value]
    ks: Verdict | None
    strongest: Verdict
    strength: float
    """Of the strongest: its statistic as a multiple of its threshold."""


def compare(bundle: Bundle, predictions: Sequence[Prediction], config: EngineConfig) -> list[Compared]:
    """Every watched feature of scored contacts beside the reference of the model that scored them, the strongest first.

    Args:
        predictions: at least one.
    """
    reference = reference_of(bundle)
    plan = Plan.of(
        reference, window=config.window, pane=config.pane, false_alarm_rate=config.false_alarm_rate,
        horizon=config.horizon,
    )  # fmt: skip
    before, now = reference_values(bundle), values(reference, predictions)
    codes, known = reference.encode(*now), reference.encode(*before)
    look = _look(plan, codes)
    found = []
    for j, feature in enumerate(reference.features):
        sides = [_numbers(numbers[:, j]) for numbers, _ in (before, now)]
        if isinstance(feature, CategoryFeature):
            sides = [_names(feature, known[:, j], is_reference=True), _names(feature, codes[:, j], is_reference=False)]
        strongest = strongest_on(plan, look, [j])
        ks = None if math.isnan(look.ks.statistic[j]) else Proof(j, "ks", -1, 0.0, False)
        found.append(
            Compared(
                name=feature.name, column=feature.column, number=not isinstance(feature, CategoryFeature),
                reference=sides[0], current=sides[1], ks=None if ks is None else _verdict(plan, look, codes, ks),
                strongest=_verdict(plan, look, codes, strongest), strength=strongest.strength,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: -one.strength)


def _look(plan: Plan, codes: Codes) -> Look:
    """The tests of these contacts alone, without the evidence of those before."""
    hits = plan.shares.hits(codes, plan.reference.starts)
    ks = RollingKS(plan.reference, len(codes)).push(codes)
    return Look(len(codes), ks, hits, plan.share_p(hits, len(codes)), plan.bets.start(), np.zeros(len(KINDS)))


def _verdict(plan: Plan, look: Look, codes: Codes, proof: Proof) -> Verdict:
    figures = (value if math.isfinite(value) else None for value in figures_of(plan, look, codes, proof, 0))
    statistic, threshold, p = figures
    over = statistic is not None and threshold is not None and statistic >= threshold
    return Verdict(
        test=proof.test, statistic=statistic, threshold=threshold, p_value=p,
        drifted=over if proof.test == "ks" else proof.strength >= 1.0,
    )  # fmt: skip


def _numbers(held: Floats) -> list[Value]:
    return [None if math.isnan(value) else value for value in held.tolist()]


def _names(feature: CategoryFeature, codes: Ints | Codes, *, is_reference: bool) -> list[Value]:
    """What each code is called. As in the monitor, a value that the reference has once is unseen from there."""
    often = np.argsort(-feature.counts, kind="stable")[:MOST_VALUES]
    named = {place for place in often.tolist() if feature.counts[place] >= FREQUENT}
    once = {feature.values[place] for place in np.flatnonzero(feature.counts == 1)} if is_reference else set()
    called: list[Value] = []
    for place, value in enumerate(feature.values):
        if place in named:
            called.append(_shown(value, place))
        elif value in once:
            called.append(UNSEEN if is_number_like(value) == feature.numbers else MISFIT)
        else:
            called.append(RARE)
    called += [UNSEEN, None, MISFIT]
    return [called[code] for code in codes.tolist()]


def _shown(value: str, place: int) -> str:
    """A value as it may stand anywhere in a page.

    >>> _shown("<b>IT</b>", 3)
    '‹b›IT‹/b›'
    """
    plain = value.replace("<", "‹").replace(">", "›")
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:LONGEST_NAME]}… ({place})"
