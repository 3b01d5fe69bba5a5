"""Shares of a window against those of the reference: of one value, of unseen, of missing and of misfit values.

Every test of a category is one of a share: how many of the window's contacts fall into a set of codes. Rare values
are one set. The p-value is Fisher's exact test, which needs no minimum count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from monitor.features import FEW, Feature, Floats, Ints, NumberFeature

ShareTest = Literal["frequency", "unseen", "missing", "type"]

FREQUENT = 10
"""A value needs this many rows of the reference to be watched by itself; the others are one share together."""
MOST_VALUES = 20
"""At most so many values of a column are watched by themselves."""


@dataclass(frozen=True)
class Share:
    """A set of codes of one feature, and how many reference rows fall into it."""

    feature: int
    test: ShareTest
    value: str | None
    hits: int


@dataclass(frozen=True, eq=False)
class Shares:
    """All shares of a reference.

    Attributes:
        of_code: for each code, all features end to end, the place of its share in ``shares``, or -1.
    """

    shares: tuple[Share, ...]
    of_code: NDArray[np.int32]
    rows: int

    @classmethod
    def of(cls, features: Sequence[Feature], rows: int) -> Shares:
        """The shares to watch."""
        shares: list[Share] = []
        of_code = np.full(sum(feature.size for feature in features), -1, np.int32)
        start = 0
        for j, feature in enumerate(features):
            for share, codes in _shares(j, feature):
                of_code[start + codes] = len(shares)
                shares.append(share)
            start += feature.size
        return cls(tuple(shares), of_code, rows)

    def hits(self, window: NDArray[np.unsignedinteger[Any]], starts: Ints) -> Ints:
        """How many of the window's contacts (rows of codes) fall into each share."""
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        hits = np.empty(len(self.shares), np.int64)
        kernels.count_shares(window, starts, self.of_code, hits)
        return hits

    def p_values(self, hits: Ints, contacts: int, inflation: Floats) -> Floats:
        """Fisher's exact p, two-sided, of each share of a window of so many contacts.

        Args:
            inflation: for each feature; v contacts that depend on each other count as one.
        """
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        v = inflation[self.feature]
        out = np.empty(len(self.shares))
        kernels.fisher_p_values(
            *(np.round(counts / v).astype(np.int64) for counts in (hits, contacts, self.reference_hits, self.rows)), out
        )
        fewer = hits * self.rows < self.reference_hits * contacts
        out[fewer & self.is_unseen] = 1.0  # fewer new values than usual are no drift
        return out

    @cached_property
    def reference_hits(self) -> Ints:
        """Reference rows in each share."""
        return np.array([share.hits for share in self.shares], np.int64)

    @cached_property
    def is_unseen(self) -> NDArray[np.bool_]:
        """Which shares are those of unseen values."""
        return np.array([share.test == "unseen" for share in self.shares], bool)

    @cached_property
    def feature(self) -> Ints:
        """The feature of each share."""
        return np.array([share.feature for share in self.shares], np.int64)


def _shares(j: int, feature: Feature) -> Iterator[tuple[Share, Ints]]:
    """The shares of a feature, each with its codes."""
    size = feature.size
    if isinstance(feature, NumberFeature):
        if 0 < len(feature.values) <= FEW:
            once = feature.counts == 1
            codes = 2 * np.arange(len(feature.values)) + 1
            labels = [f"{value:g}" for value in feature.values]
            yield from _by_value(j, np.where(once, 0, feature.counts), labels, codes)
            yield Share(j, "unseen", None, int(once.sum())), 2 * np.arange(len(feature.values) + 1)
        yield Share(j, "type", None, feature.misfits), np.array([size - 1])
    else:
        if feature.values:
            counts = feature.reference[: len(feature.values)]
            yield from _by_value(j, counts, list(feature.values), np.arange(len(feature.values)))
        yield Share(j, "unseen", None, int(feature.reference[-3])), np.array([size - 3])
        yield Share(j, "type", None, int(feature.reference[-1])), np.array([size - 1])
    yield Share(j, "missing", None, feature.missing), np.array([size - 2])


def _by_value(j: int, counts: Ints, labels: Sequence[str], codes: Ints) -> Iterator[tuple[Share, Ints]]:
    if len(counts) <= 2:  # what one value gains the other loses, and a single one only loses to new or missing values
        if len(counts) == 2:
            rarer = int(np.argmin(counts))
            yield Share(j, "frequency", labels[rarer], int(counts[rarer])), codes[[rarer]]
        return
    most = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    alone = np.sort(most[counts[most] >= FREQUENT])
    for place in alone.tolist():
        yield Share(j, "frequency", labels[place], int(counts[place])), codes[[place]]
    rest = np.setdiff1d(np.arange(len(counts)), alone)
    if len(rest):
        yield Share(j, "frequency", None, int(counts[rest].sum())), codes[rest]
