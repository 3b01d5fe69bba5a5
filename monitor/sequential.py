"""Sequential evidence: a conformal Shiryaev-Roberts e-detector, which tests at every contact and needs no window.

A *bet* on a feature is a positive function g of its codes that is larger where drift of one kind would put the
contacts: a shift of the normal scores, another spread, a share that grows or shrinks. A contact with code c makes

    e = g(c) / mean of g over the pool,        R ← (1 + R)·e,

where the pool is the reference and every contact so far, this one included. As long as the pool is exchangeable each
e has expectation 1 given the pool (a conformal e-value), so R, the sum over all starts of the evidence against "no
drift since then", grows by 1 a contact. The mean of R over all bets, by fixed weights, therefore reaches c within t
contacts with probability about t/c at most, *whatever the dependence between features*; drift makes it grow
exponentially. No draw at random is needed, and ties and missing values are codes like others.

The expectation is exact at fixed times. That it also bounds the maximum over a run (the e-values are no martingale in
the order of arrival) is checked by simulation in docs/statistics.md for references from 30 rows on.

Where contacts that follow each other are alike, every bet is tempered: e to the power 1/v, v being the inflation of
the variance of a mean (`monitor.dependence`).

Sources: Shiryaev 1963, Roberts 1966 (the recursion); Shin, Ramdas & Rinaldo 2024, "E-detectors" (the bound);
Vovk, Gammerman & Shafer 2022, "Algorithmic Learning in a Random World", part III (conformal testing).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from monitor.categorical import Shares
from monitor.features import Feature, Floats, Ints, NumberFeature, parts_of_columns

Test = Literal["ks", "frequency", "unseen", "missing", "type"]

SHIFTS = (-1.0, -0.45, 0.45, 1.0)
"""Bets on a number: its normal scores have moved by so many standard deviations."""
SPREADS = (0.7, 1.45)
"""Bets on a number: its normal scores are spread by such a factor."""
BINS = 128
"""Codes of a number are told apart to 1/128 of the reference."""
SHARE_SHIFTS: Mapping[str, Mapping[float, float]] = {
    "frequency": {0.75: 5.0, 0.35: 2.0, -0.75: 2.0, -0.35: 1.0},
    "unseen": {0.5: 1.0, 1.2: 1.0},
    "missing": {0.5: 1.0, 1.0: 2.0, -0.7: 1.0},
    "type": {0.5: 1.0, 1.2: 2.0, -0.7: 1.0},
}
"""Bets on a share p and their stakes: the normal quantile of p has moved so far, which takes 10% to 30% by 0.75.

What one value loses others gain, so more is staked on growth."""
TEST_WEIGHTS: Mapping[str, float] = {"ks": 20.0, "frequency": 20.0, "unseen": 1.0, "missing": 1.5, "type": 0.5}
"""How a feature's stake is divided among its tests: evidence of the last three grows so fast that little will do."""


CATEGORY_STAKE = 5.0
"""The stake on a column that is watched value by value, a number's being 1: its evidence grows most slowly."""


@dataclass(frozen=True, eq=False)
class Bets:
    """The bets on a reference, feature after feature, as the compiled loop wants them.

    Attributes:
        rows: for each code, all features end to end, its row in the feature's table.
        table: the value of each bet for each row, all tables end to end.
        table_starts: where each feature's table begins.
        starts: where each feature's bets begin, and where the last one's end.
        test: the test that each bet belongs to.
        share: the share that it is on, or -1 for the distribution.
        weight: the stake on each; they sum to 1.
        tempering: the exponent of each, 1 where contacts are independent.
        pool: the sum of each over the reference.
    """

    rows: NDArray[np.uint16]
    table: Floats
    table_starts: Ints
    starts: Ints
    test: tuple[Test, ...]
    share: tuple[int, ...]
    weight: Floats
    tempering: Floats
    pool: Floats
    reference_rows: int

    @classmethod
    def on(cls, features: Sequence[Feature], shares: Shares, inflation: Floats) -> Bets:
        """The bets on these features.

        A column's stake is shared by its features, and within a feature by its tests.
        """
        columns = dict.fromkeys(feature.column for feature in features)
        by_value = {features[share.feature].column for share in shares.shares if share.test == "frequency"}
        stakes = {column: CATEGORY_STAKE if column in by_value else 1.0 for column in columns}
        total = sum(stakes.values())
        rows, tables, tests, on, weights, pools = [], [], [], [], [], []
        start = 0
        for feature, part in zip(features, parts_of_columns(features).tolist(), strict=True):
            row_of, table, names, splits = _bets_on(feature, shares.of_code[start : start + feature.size], shares)
            counts = np.bincount(row_of, weights=feature.reference, minlength=len(table))
            rows.append(row_of)
            tables.append(table)
            tests += [test for test, _ in names]
            on += [share for _, share in names]
            weights.append(stakes[feature.column] / total * part * splits)
            pools.append(counts @ table)
            start += feature.size
        sizes = [len(pool) for pool in pools]
        return cls(
            rows=np.concatenate(rows).astype(np.uint16),
            table=np.concatenate([table.ravel() for table in tables]),
            table_starts=np.cumsum([0] + [table.size for table in tables])[:-1],
            starts=np.cumsum([0, *sizes]),
            test=tuple(tests),
            share=tuple(on),
            weight=np.concatenate(weights),
            tempering=np.repeat(1.0 / inflation, sizes),
            pool=np.concatenate(pools),
            reference_rows=int(features[0].reference.sum()),
        )

    def start(self) -> Evidence:
        """The evidence before the first contact."""
        zeros = np.zeros(len(self.pool))
        return Evidence(zeros, self.pool, np.full(len(zeros), float(self.reference_rows)), zeros, zeros)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the e-detector carries from contact to contact, for each bet.

    Attributes:
        sums: R, the Shiryaev-Roberts sum.
        pool: the sum of g over the pool.
        seen: the size of the pool.
        products: the evidence since the likeliest start (CUSUM), at least 1 when it begins.
        ages: contacts since that start.
    """

    sums: Floats
    pool: Floats
    seen: Floats
    products: Floats
    ages: Floats

    @property
    def _arrays(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        return self.sums, self.pool, self.seen, self.products, self.ages

    def to_json(self) -> list[str]:
        """As JSON-able data, exactly."""
        return [base64.b64encode(array.astype("<f8").tobytes()).decode() for array in self._arrays]

    @classmethod
    def from_json(cls, data: Sequence[str]) -> Evidence:
        """The inverse of `to_json`."""
        return cls(*(np.frombuffer(base64.b64decode(text), "<f8").astype(np.float64) for text in data))

    def after(
        self, bets: Bets, codes: NDArray[np.unsignedinteger[Any]], starts: Ints, groups: NDArray[np.int64], kinds: int
    ) -> tuple[Evidence, Floats]:
        """The evidence after some contacts, and the total of every kind of alert after each, shape (contacts, kinds).

        Args:
            groups: which kind each bet counts for.
        """
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        after = Evidence(*(array.copy() for array in self._arrays))
        totals = np.empty((len(codes), kinds))
        kernels.bet(
            codes, starts, bets.rows, bets.table, bets.table_starts, bets.starts, bets.weight, bets.tempering, groups,
            *after._arrays, totals,
        )  # fmt: skip
        return after, totals

    def reset(self, bets: Bets, which: NDArray[np.bool_]) -> Evidence:
        """Some bets from the start again."""
        pairs = zip(bets.start()._arrays, self._arrays, strict=True)
        return Evidence(*(np.where(which, fresh, mine) for fresh, mine in pairs))


@dataclass(frozen=True, eq=False)
class BetScores:
    """The bets on a number's distribution as a test of a window: they see drifts that are too weak for KS.

    A linear rank test with the logarithms of the bets as scores, by its normal limit
    (Hájek, Šidák & Sen 1999, "Theory of Rank Tests").

    Attributes:
        row_of: for each code its row in ``scores``.
        scores: the logarithm of each bet, shape (rows, bets).
        mean: over the reference, of each bet.
        variance: over the reference, for as many values as count.
        values: of the reference.
    """

    row_of: Ints
    scores: Floats
    mean: Floats
    variance: Floats
    values: int

    @classmethod
    def of(cls, feature: Feature, inflation: float) -> BetScores:
        """The bets on a feature; on a category, or a number of two values, there are none."""
        values = int(feature.reference[:-2].sum())
        if not _has_distribution(feature):
            return cls(np.empty(0, np.int64), np.empty((0, 0)), np.empty(0), np.empty(0), values)
        row_of, intervals = _rows(feature, np.empty(0, np.int32))
        row_of = row_of[:-2]
        scores = np.log(_number_bets(*intervals)).T
        share = np.bincount(row_of, weights=feature.reference[:-2], minlength=len(scores)) / values
        mean = share @ scores
        return cls(row_of, scores, mean, inflation * (share @ (scores - mean) ** 2), values)

    def p_value(self, codes: NDArray[np.unsignedinteger[Any]]) -> float:
        """P that contacts without drift please any of the bets as much as these, by Bonferroni; 1 without bets.

        Args:
            codes: the feature's, of some contacts; missing values and misfits are left out.
        """
        present = codes[codes < len(self.row_of)]
        if not len(present):
            return 1.0
        hits = np.bincount(self.row_of[present], minlength=len(self.scores))
        of_means = self.variance * (1 / self.values + 1 / len(present))
        z = (hits @ self.scores / len(present) - self.mean) / np.sqrt(of_means)
        return min(1.0, len(z) * float(ndtr(-z.max())))


def _has_distribution(feature: Feature) -> bool:
    """Whether there are bets on a feature's distribution: of two values, the share says it all."""
    return isinstance(feature, NumberFeature) and len(feature.values) > 2


def _bets_on(
    feature: Feature, share_of_code: NDArray[np.int32], shares: Shares
) -> tuple[NDArray[np.int64], Floats, list[tuple[Test, int]], Floats]:
    """Row of each code, table (rows, bets), and of each bet the test, its share, and its part of the stake."""
    row_of, intervals = _rows(feature, share_of_code)
    table: list[Floats] = []
    tests: list[tuple[Test, int]] = []
    parts: list[float] = []
    if _has_distribution(feature):
        for g in _number_bets(*intervals):
            table.append(np.concatenate([g, [1.0, 1.0]]))
            tests.append(("ks", -1))
            parts.append(TEST_WEIGHTS["ks"] / (len(SHIFTS) + len(SPREADS)))
    present = sorted(set(share_of_code[share_of_code >= 0].tolist()))
    for place in present:
        share = shares.shares[place]
        siblings = sum(shares.shares[other].test == share.test for other in present)
        inside = np.zeros(int(row_of.max()) + 1, bool)
        inside[row_of[share_of_code == place]] = True
        p = (share.hits + 0.5) / (shares.rows + 1.0)
        shifts = {by: stake for by, stake in SHARE_SHIFTS[share.test].items() if by > 0 or share.hits > 0}
        for shift, stake in shifts.items():
            grown = ndtr(ndtri(p) + shift)
            table.append(np.where(inside, grown / p, (1.0 - grown) / (1.0 - p)))
            tests.append((share.test, place))
            parts.append(TEST_WEIGHTS[share.test] / siblings * stake / sum(shifts.values()))
    split = np.array(parts)
    return row_of, np.ascontiguousarray(np.array(table).T), tests, split / split.sum()


def _rows(feature: Feature, share_of_code: NDArray[np.int32]) -> tuple[NDArray[np.int64], tuple[Floats, Floats]]:
    """The row of each code, and for a number the interval of ranks in (0, 1) that each row of its values stands for."""
    if not isinstance(feature, NumberFeature):  # codes of the same share are told apart by no bet
        _, row_of = np.unique(share_of_code, return_inverse=True)
        return row_of.astype(np.int64), (np.empty(0), np.empty(0))
    counts = feature.reference[:-2]
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows = max(1, int(counts.sum()))
    # Where the next contact would stand among the rows + 1: at its place, or anywhere among its equals.
    low, high = below / (rows + 1.0), (below + counts + 1.0) / (rows + 1.0)
    if len(counts) <= BINS:
        row_of = np.arange(len(counts))
    else:
        _, row_of = np.unique(np.floor((low + high) / 2 * BINS), return_inverse=True)
    last = int(row_of.max()) + 1
    lowest, highest = np.ones(last), np.zeros(last)
    np.minimum.at(lowest, row_of, low)
    np.maximum.at(highest, row_of, high)
    return np.concatenate([row_of, [last, last + 1]]).astype(np.int64), (lowest, highest)


def _number_bets(low: Floats, high: Floats) -> list[Floats]:
    """The likelihood ratio of moved or spread normal scores against standard ones, averaged over each interval."""
    a, b = ndtri(low), ndtri(high)
    width = high - low
    moved = [(ndtr(b - shift) - ndtr(a - shift)) / width for shift in SHIFTS]
    spread = [(ndtr(b / factor) - ndtr(a / factor)) / width for factor in SPREADS]
    return moved + spread
