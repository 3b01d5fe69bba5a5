"""Fitting a featuriser, and encoding training contacts out of fold.

Contacts are taken apart once into numbers and codes of categories, so that fitting on another part of them, as
cross-validation does a hundred times, costs a few counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.events import Contact
from model.features import DRIFTLINE, ENCODED, FeatureSet
from model.featuriser import MISSING, OTHER, Featuriser, Matrix
from model.measures import Labels

Places = NDArray[np.int64]

RARE = 10
"""Category values seen fewer times than this are folded into ``__other__`` before encoding."""
SMOOTHING = 20.0
"""Contacts' worth of the overall rate that each category's engagement rate is pulled towards."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a featuriser learns, by place and code instead of by name.

    Attributes:
        medians, low, high: of each number.
        rates: for each encoded column the rate of each code.
        kept: for each encoded column the codes that are not folded into ``__other__``.
        other: for each encoded column the rate of that.
    """

    medians: Matrix
    low: Matrix
    high: Matrix
    rates: Sequence[NDArray[np.float64]]
    kept: Sequence[NDArray[np.bool_]]
    other: Sequence[float]


class ContactTable:
    """Contacts as columns: ``raw``, shape (contacts, features) with NaN for gaps, and ``codes`` of the categories."""

    def __init__(self, contacts: Sequence[Contact], feature_set: FeatureSet = DRIFTLINE) -> None:
        self.feature_set = feature_set
        self._encoded = feature_set.places(ENCODED)
        self._numbers = feature_set.places(feature_set.numbers)
        rows = [feature_set.raw_row(contact) for contact in contacts]
        self.codes = np.empty((len(rows), len(ENCODED)), np.int64)
        self.values: list[list[str]] = []
        for column, place in enumerate(self._encoded):
            code: dict[Any, int] = {}
            for i, row in enumerate(rows):
                self.codes[i, column] = code.setdefault(row[place] or MISSING, len(code))
                row[place] = 0.0
            self.values.append(list(code))
        self.raw = np.array(rows, np.float32).reshape(len(rows), len(feature_set.features))

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def tells_nothing(self) -> bool:
        """Whether all contacts are alike."""
        return bool((self.codes == self.codes[:1]).all()) and np.array_equal(
            self.raw, np.broadcast_to(self.raw[:1], self.raw.shape), equal_nan=True
        )

    def fit(self, rows: Places, engaged: Labels) -> Fitted:
        """Learn from some contacts.

        Args:
            rows: which; at least one.
            engaged: the labels of all.
        """
        numbers = self.raw[rows][:, self._numbers]
        gaps = np.isnan(numbers)
        empty = gaps.all(axis=0)
        known = np.where(empty, np.float32(0), numbers)
        medians, low, high = np.nanmedian(known, axis=0), np.nanmin(known, axis=0), np.nanmax(known, axis=0)
        labels = engaged[rows]
        overall = float(labels.mean())
        rates, kept, other = [], [], []
        for column, values in enumerate(self.values):
            codes = self.codes[rows, column]
            seen = np.bincount(codes, minlength=len(values))
            hits = np.bincount(codes, weights=labels, minlength=len(values))
            often = seen >= RARE
            rates.append((hits + SMOOTHING * overall) / (seen + SMOOTHING))
            kept.append(often)
            other.append(float((hits[~often].sum() + SMOOTHING * overall) / (seen[~often].sum() + SMOOTHING)))
        return Fitted(medians, low, high, rates, kept, other)

    def transform(self, fitted: Fitted, rows: Places) -> Matrix:
        """Features of some contacts, shape (rows, features); the same bit for bit as `Featuriser.transform`."""
        out = self.raw[rows]
        numbers = out[:, self._numbers]
        numbers = np.where(np.isnan(numbers), fitted.medians, numbers)
        out[:, self._numbers] = np.clip(numbers, fitted.low, fitted.high)
        for column, place in enumerate(self._encoded):
            rates = np.where(fitted.kept[column], fitted.rates[column], fitted.other[column])
            out[:, place] = rates[self.codes[rows, column]]
        return out

    def out_of_fold(self, rows: Places, engaged: Labels, *, folds: int = 5, seed: int) -> Matrix:
        """Training features whose encodings never saw the row's own label, shape (rows, features).

        Encoding a row with a rate that its own label went into makes the training score a lie (Micci-Barreca 2001;
        Prokhorenkova et al. 2018, "CatBoost", section 3).
        """
        fold = np.random.default_rng(seed).permutation(np.arange(len(rows)) % min(folds, len(rows)))
        out = self.transform(self.fit(rows, engaged), rows)
        for held in range(int(fold.max(initial=0)) + 1):
            outside = np.flatnonzero(fold == held)
            inside = rows[fold != held]
            if len(inside):
                others = self.transform(self.fit(inside, engaged), rows[outside])
                out[np.ix_(outside, np.array(self._encoded))] = others[:, self._encoded]
        return out

    def featuriser(self, fitted: Fitted) -> Featuriser:
        """What has been learnt, by names, for serving."""
        names = self.feature_set.numbers
        bounds = zip(fitted.low.tolist(), fitted.high.tolist(), strict=True)
        rates: dict[str, Mapping[str, float]] = {}
        for column, name in enumerate(ENCODED):
            pairs = zip(self.values[column], fitted.rates[column].tolist(), fitted.kept[column].tolist(), strict=True)
            rates[name] = dict(sorted([(OTHER, fitted.other[column]), *((v, rate) for v, rate, kept in pairs if kept)]))
        return Featuriser(
            self.feature_set,
            dict(zip(names, fitted.medians.tolist(), strict=True)),
            dict(zip(names, bounds, strict=True)),
            rates,
        )


def fit_featuriser(contacts: Sequence[Contact], engaged: Labels, feature_set: FeatureSet = DRIFTLINE) -> Featuriser:
    """A featuriser for serving, fitted on labelled contacts.

    Raises:
        ValueError: there are none.
    """
    if not contacts:
        raise ValueError("no labelled contacts to fit the featuriser on")
    table = ContactTable(contacts, feature_set)
    return table.featuriser(table.fit(np.arange(len(contacts)), engaged))
