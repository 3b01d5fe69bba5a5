"""What one look at the stream proves: which columns drift, by which test, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import kolmogi

from driftline.events import Kind
from monitor.calibration import CALM
from monitor.features import Floats, Ints
from monitor.ks import KSReport
from monitor.plan import KINDS, SCORE, Accepted, Plan, kind_of
from monitor.reference import Codes
from monitor.sequential import Evidence, Test


@dataclass(frozen=True)
class Proof:
    """A test of a feature that is over its threshold.

    Attributes:
        share: the share tested, or -1 for the distribution.
        strength: how far beyond, to rank by: the statistic over its threshold.
        early: proved by the sequential evidence, not by the window.
    """

    feature: int
    test: Test
    share: int
    strength: float
    early: bool

    @property
    def at(self) -> tuple[int, int]:
        """Where it stands: (feature, share or -1)."""
        return self.feature, self.share


SMALLEST_P = 1e-300
"""A p-value may be too small for a float, and what it stands for is not infinite."""


@dataclass(frozen=True, eq=False)
class Look:
    """The window's statistics at one contact, and the evidence so far.

    Attributes:
        ks: of every number.
        hits: contacts of the window in each share.
        share_p: Fisher's p of each share, for as many independent contacts as they count for.
        totals: the sequential evidence for each kind of alert.
    """

    contacts: int
    ks: KSReport
    hits: Ints
    share_p: Floats
    evidence: Evidence
    totals: Floats


@dataclass(frozen=True, eq=False)
class Findings:
    """For each kind of alert the drifting columns, and of each the proofs, the strongest first."""

    drift_share: float
    proofs: Mapping[Kind, Mapping[str, Sequence[Proof]]]

    def drifts(self, kind: Kind) -> bool:
        """Whether any column of this kind does."""
        return bool(self.proofs[kind])


@dataclass(frozen=True)
class Report:
    """One look at the stream, and what it proves."""

    at_contact: int
    model_version: str
    look: Look
    findings: Findings
    full: bool
    """Whether the window was full and due for its tests; else the evidence alone called for a look."""


def find(plan: Plan, look: Look, window: Codes, accepted: Accepted, *, full: bool) -> Findings:
    """What is over its threshold, but for accepted columns; the tests of the window count only once it is full.

    Evidence outlives a drift, since it has to be lost again bit by bit. So it counts for a window's length, and beyond
    that as long as the window does not look calm.
    """
    found: dict[Kind, dict[str, list[Proof]]] = {kind: {} for kind in KINDS}
    early = _early(plan, look, accepted)
    if full:
        early = [one for one in early if not _is_old(plan, look, one) or excess(plan, look, window, [one.at]) >= CALM]
    proofs = [*(_in_window(plan, look) if full else []), *early]
    for proof in sorted(proofs, key=lambda proof: (-proof.strength, proof.feature)):
        column = plan.reference.features[proof.feature].column
        kind = kind_of(column, proof.test)
        if column not in accepted.get(kind, ()):
            found[kind].setdefault(column, []).append(proof)
    return Findings(len(set(found["data_drift"]) - {SCORE}) / plan.inputs, found)


def scaled(plan: Plan, look: Look) -> Floats:
    """D·√(nm/(n+m)) of every number."""
    rows, present = plan.rows, look.ks.present
    with np.errstate(divide="ignore", invalid="ignore"):
        size: Floats = look.ks.statistic * np.sqrt(rows * present / (rows + present))
    return size


def excess(plan: Plan, look: Look, window: Codes, proofs: Sequence[tuple[int, int]]) -> float:
    """The mean scaled statistic of some tests, (feature, share) or (feature, -1): about 0.9 where nothing drifts.

    Of a number it is the larger of the KS statistic and of what the bets on it say of the window, since they see drifts
    that are too weak for KS. p-values are put on the scale of the KS statistic by the inverse of Kolmogorov's
    distribution. NaN where the window has no values to say it by; it is neither calm nor not.
    """
    ks = scaled(plan, look) / np.sqrt(plan.reference.inflation)
    sizes = [
        np.maximum(ks[j], kolmogi(plan.bet_scores(j).p_value(window[:, j])))
        if i < 0
        else kolmogi(min(1.0, look.share_p[i]))
        for j, i in proofs
    ]
    told = [size for size in sizes if not np.isnan(size)]
    return float(np.mean(told)) if told else float("nan")


def strengths(plan: Plan, look: Look) -> Floats:
    """For each column of the reference its strongest test of the window, as a multiple of the threshold."""
    out = np.zeros(len(plan.reference.columns))
    ks, shares = _multiples(plan, look)
    np.fmax.at(out, plan.feature_column, ks)
    np.fmax.at(out, plan.feature_column[plan.shares.feature], shares)
    return out


def strongest(plan: Plan, look: Look, column: int) -> Proof:
    """The strongest test of the window on a column, whether or not it is over its threshold.

    Args:
        column: its place in the reference's columns.
    """
    return strongest_on(plan, look, np.flatnonzero(plan.feature_column == column).tolist())


def strongest_on(plan: Plan, look: Look, mine: Sequence[int]) -> Proof:
    """The same on some features."""
    ks, shares = _multiples(plan, look)
    proofs = [Proof(j, "ks", -1, float(ks[j]), False) for j in mine if plan.rows[j]]
    for i in np.flatnonzero(np.isin(plan.shares.feature, mine)).tolist():
        share = plan.shares.shares[i]
        proofs.append(Proof(share.feature, share.test, i, float(shares[i]), False))
    return max(proofs, key=lambda proof: proof.strength)


@lru_cache(maxsize=1)  # each column of a window report asks
def _multiples(plan: Plan, look: Look) -> tuple[Floats, Floats]:
    """The statistic of every number, and of every share, as a multiple of its threshold; 0 where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ks = scaled(plan, look) / plan.thresholds.ks
        p = np.clip(look.share_p, SMALLEST_P, 1.0)
        shares = kolmogi(p) / kolmogi(np.minimum(1.0, plan.thresholds.share))
    return np.fmax(np.nan_to_num(ks, posinf=0.0), 0.0), np.fmax(np.nan_to_num(shares, posinf=0.0), 0.0)


def _is_old(plan: Plan, look: Look, proof: Proof) -> bool:
    """Whether the evidence began more than a window ago."""
    return age(plan, look, proof) > look.contacts


def age(plan: Plan, look: Look, proof: Proof) -> int:
    """For how many contacts the strongest bet on a test has been winning: since when there is drift, probably."""
    first, last = plan.bets.starts[proof.feature : proof.feature + 2].tolist()
    mine = [q for q in range(first, last) if plan.bets.test[q] == proof.test and plan.bets.share[q] == proof.share]
    return int(look.evidence.ages[max(mine or range(first, last), key=lambda q: float(look.evidence.products[q]))])


def _in_window(plan: Plan, look: Look) -> list[Proof]:
    ratio = scaled(plan, look) / plan.thresholds.ks
    proofs = [Proof(j, "ks", -1, float(ratio[j]), False) for j in np.flatnonzero(ratio >= 1.0).tolist()]
    for i in np.flatnonzero(look.share_p <= plan.thresholds.share).tolist():
        share = plan.shares.shares[i]
        strength = float(kolmogi(look.share_p[i]) / kolmogi(plan.thresholds.share[i]))
        proofs.append(Proof(share.feature, share.test, i, strength, False))
    return proofs


def _early(plan: Plan, look: Look, accepted: Accepted) -> list[Proof]:
    """The columns whose evidence suffices, by e-BH: the k-th strongest needs a k-th of the threshold.

    Where only all columns together reach it, the strongest of them stands for all.
    Wang & Ramdas 2022, "False discovery rate control with e-values".
    """
    c = plan.thresholds.evidence
    if look.totals.sum() < c:  # k columns with a k-th of it each would have all of it
        return []
    stakes = plan.bets.weight * look.evidence.sums
    columns = len(plan.reference.columns)
    cell = plan.bet_cell
    by_cell = np.bincount(cell, weights=stakes, minlength=len(KINDS) * columns)
    by_cell[plan.cells(accepted)] = 0.0
    order = np.argsort(-by_cell, kind="stable")
    enough = np.flatnonzero(by_cell[order] * np.arange(1, len(order) + 1) >= c)
    chosen = set(order[: enough[-1] + 1].tolist()) if len(enough) else set()
    for kind in np.flatnonzero(look.totals >= c).tolist():
        mine = range(kind * columns, (kind + 1) * columns)
        if not chosen.intersection(mine):
            chosen.add(max(mine, key=lambda place: by_cell[place]))
    proofs = []
    for place in sorted(chosen):
        q = int(np.flatnonzero(cell == place)[np.argmax(stakes[cell == place])])
        share = plan.bets.share[q]
        strength = float(np.log(max(by_cell[place], 1.0)) / np.log(c))
        proofs.append(Proof(int(plan.bet_feature[q]), plan.bets.test[q], share, min(1.0, strength), True))
    return proofs
