"""What changed in a column, in words and numbers: since the drift began, not diluted by the contacts before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.events import DriftedColumn
from monitor.features import Floats, Ints, NumberFeature, is_flag
from monitor.findings import Look, Proof, age
from monitor.ks import p_value
from monitor.plan import Plan
from monitor.reference import Codes

FEWEST = 30
"""The change is described by at least so many of the last contacts."""


@dataclass(frozen=True)
class Change:
    """An effect: its signed size, its direction, and what probably lies behind it."""

    effect: float
    direction: str
    cause: str


def describe(plan: Plan, look: Look, window: Codes, proofs: Sequence[Proof], horizon: int) -> DriftedColumn:
    """A drifting column by its strongest proof."""
    proof = proofs[0]
    feature = plan.reference.features[proof.feature]
    names = dict.fromkeys(plan.reference.features[one.feature].name for one in proofs)
    since = min(len(window), max(FEWEST, age(plan, look, proof)))
    change = _change(plan, proof, window[-since:, proof.feature])
    statistic, threshold, p = figures_of(plan, look, window, proof, horizon)
    return DriftedColumn(
        name=feature.column,
        features=list(names),
        test="sequential" if proof.early else proof.test,
        statistic=statistic,
        threshold=threshold,
        p_value=p,
        effect=change.effect,
        direction=change.direction,
        cause=change.cause,
    )


def figures_of(plan: Plan, look: Look, window: Codes, proof: Proof, horizon: int) -> tuple[float, float, float]:
    """Statistic, threshold and p-value of a proof, or of a test that proves nothing."""
    if proof.early:
        total = float(look.totals[plan.kind_place(proof.feature, proof.test)])
        return total, plan.thresholds.evidence, min(1.0, horizon / max(total, 1.0))
    j = proof.feature
    if proof.test == "ks":
        statistic = float(look.ks.statistic[j])
        at = plan.thresholds.statistic(j, int(plan.rows[j]), int(look.ks.present[j]))
        return statistic, at, p_value(plan.reference, window, j, statistic)
    share = float(look.hits[proof.share]) / look.contacts
    more = share >= plan.shares.shares[proof.share].hits / plan.shares.rows
    return share, plan.least_share(proof.share, look.contacts, more=more), float(look.share_p[proof.share])


def _change(plan: Plan, proof: Proof, codes: Codes) -> Change:
    feature = plan.reference.features[proof.feature]
    if proof.share >= 0:
        return _share_change(plan, proof, codes)
    assert isinstance(feature, NumberFeature)
    present = np.bincount(codes[codes < feature.size - 2].astype(np.int64), minlength=feature.size - 2)
    return _number_change(feature, present)


def _share_change(plan: Plan, proof: Proof, codes: Codes) -> Change:
    share = plan.shares.shares[proof.share]
    places = plan.shares.of_code[plan.reference.starts[proof.feature] + codes.astype(np.int64)]
    now, before = float((places == proof.share).mean()), share.hits / plan.shares.rows
    way = "up" if now > before else "down"
    figures = f"{way} from {before:.2f} to {now:.2f}"
    value = "rare values" if share.value is None else f"'{share.value}'"
    if share.value in {"0", "1"} and is_flag(plan.reference.features[proof.feature]):
        value = f"{plan.reference.features[proof.feature].name} = {share.value}"
    misfit = "text among numbers" if plan.holds_numbers(proof.feature) else "numbers among text"
    causes = {
        "frequency": f"share of {value} {figures}",
        "unseen": f"unseen value share {now:.2f} (reference {before:.2f}): new values, or another format",
        "missing": f"missing value share {figures}",
        "type": f"{misfit}, share {figures}",
    }
    return Change(now - before, "more often" if now > before else "less often", causes[share.test])


def _number_change(feature: NumberFeature, present: Ints) -> Change:
    total = max(1, int(present.sum()))
    gap = np.cumsum(present) / total - np.cumsum(feature.reference[:-2]) / feature.counts.sum()
    place = int(np.argmax(np.abs(gap)))
    effect = -float(gap[place])
    before, now = _quartiles(feature, feature.reference[:-2]), _quartiles(feature, present)
    with np.errstate(invalid="ignore", over="ignore"):  # infinities have no distance
        spread_before, spread_now = before[2] - before[0], now[2] - now[0]
        moved, spread = abs(now[1] - before[1]), abs(spread_now - spread_before)
    if now[1] != before[1] and not moved < spread / 2:
        direction, way = ("higher", "up") if now[1] > before[1] else ("lower", "down")
        return Change(effect, direction, f"median {way} from {before[1]:.4g} to {now[1]:.4g}")
    if spread > 0:
        direction, way = ("wider", "widened") if spread_now > spread_before else ("narrower", "narrowed")
        return Change(effect, direction, f"middle half {way} from {spread_before:.4g} to {spread_now:.4g}")
    return Change(effect, "higher" if effect > 0 else "lower", "the distribution moved around the same median")


def _quartiles(feature: NumberFeature, counts: Ints) -> Floats:
    """The quartiles of values known by their codes; between two reference values, the middle of them."""
    values = feature.values
    finite = np.isfinite(values[:-1]) & np.isfinite(values[1:])
    between = np.where(finite, values[:-1] + np.where(finite, np.diff(_finite(values)), 0.0) / 2, values[:-1])
    middles = np.concatenate([values[:1], between, values[-1:]])
    positions = np.empty(2 * len(values) + 1)
    positions[0::2], positions[1::2] = middles, values
    below = np.cumsum(counts)
    if not len(below) or below[-1] == 0:
        return np.zeros(3)
    return np.array([positions[int(np.searchsorted(below, q * below[-1]))] for q in (0.25, 0.5, 0.75)])


def _finite(values: Floats) -> Floats:
    """The values, with 0 for infinities."""
    return np.where(np.isfinite(values), values, 0.0)


def table(plan: Plan, look: Look, window: Codes) -> list[tuple[str, str, float, float, float, float, str]]:
    """Every test of the window: column, test, statistic, threshold, p-value, effect and what it says.

    A column that cannot be tested has a row of its own, which says why.
    """
    rows: list[tuple[str, str, float, float, float, float, str]] = []
    for j, feature in enumerate(plan.reference.features):
        if isinstance(feature, NumberFeature) and len(feature.values):
            proof = Proof(j, "ks", -1, 0.0, False)
            rows.append((feature.name, "ks", *_row(plan, look, window, proof)))
        elif isinstance(feature, NumberFeature):
            rows.append((feature.name, "ks", np.nan, np.nan, np.nan, np.nan, plan.reference.untested[feature.name]))
    for i, share in enumerate(plan.shares.shares):
        name = plan.reference.features[share.feature].name
        rows.append((name, share.test, *_row(plan, look, window, Proof(share.feature, share.test, i, 0.0, False))))
    return rows


def _row(plan: Plan, look: Look, window: Codes, proof: Proof) -> tuple[float, float, float, float, str]:
    change = _change(plan, proof, window[:, proof.feature])
    if proof.test == "ks" and look.ks.present[proof.feature] == 0:
        return np.nan, np.nan, np.nan, np.nan, "no values in the window"
    return *figures_of(plan, look, window, proof, 0), change.effect, change.cause
