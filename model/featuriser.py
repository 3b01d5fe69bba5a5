"""Contact → float32 row, the same code for training and for serving.

The fitted part (medians, ranges, category encodings) is JSON. A row is a function of the contact and of that JSON
alone, so it is the same bit for bit alone, in a batch and in training; it is always finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.events import Contact
from model.features import ENCODED, FEATURE_SETS, FeatureSet, RawRow

Matrix = NDArray[np.float32]

MISSING, OTHER = "__missing__", "__other__"
"""Values of an encoded column: none, and one that is unseen or rare."""


@dataclass(frozen=True, eq=False)
class Featuriser:
    """A fitted featuriser.

    Attributes:
        medians: of each number, what fills its gaps.
        ranges: of each number, the lowest and the highest in training: what lies beyond is moved to the edge, since a
            linear model would extrapolate.
        rates: of each encoded column, value → engagement rate; an unseen value is ``__other__``.
    """

    feature_set: FeatureSet
    medians: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    rates: Mapping[str, Mapping[str, float]]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features in the model's order."""
        return self.feature_set.features

    def transform(self, contacts: Sequence[Contact]) -> Matrix:
        """Features of contacts, shape (contacts, features), all finite."""
        if not contacts:
            return np.empty((0, len(self.features)), np.float32)
        out = np.array([self._row(contact) for contact in contacts], np.float32)
        return np.clip(out, *self._bounds, out=out)

    def _row(self, contact: Contact) -> RawRow:
        row = self.feature_set.raw_row(contact)
        for place, rates, other in self._encoders:
            row[place] = rates.get(row[place] or MISSING, other)
        for place, median in self._fills:
            if row[place] is None:
                row[place] = median
        return row

    @cached_property
    def _encoders(self) -> list[tuple[int, Mapping[Any, float], float]]:
        places = self.feature_set.places(ENCODED)
        return [(place, self.rates[name], self.rates[name][OTHER]) for place, name in zip(places, ENCODED, strict=True)]

    @cached_property
    def _fills(self) -> list[tuple[int, float]]:
        numbers = self.feature_set.numbers
        return [(at, self.medians[name]) for at, name in zip(self.feature_set.places(numbers), numbers, strict=True)]

    @cached_property
    def _bounds(self) -> tuple[Matrix, Matrix]:
        low, high = (np.full(len(self.features), bound, np.float32) for bound in (-np.inf, np.inf))
        for place, name in zip(
            self.feature_set.places(self.feature_set.numbers), self.feature_set.numbers, strict=True
        ):
            low[place], high[place] = self.ranges[name]
        return low, high

    def to_spec(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "feature_set": self.feature_set.name,
            "features": list(self.features),
            "medians": dict(self.medians),
            "ranges": {name: list(bounds) for name, bounds in self.ranges.items()},
            "rates": {name: dict(rates) for name, rates in self.rates.items()},
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Featuriser:
        """The inverse of `to_spec`.

        Raises:
            ValueError: the spec is of other features than this version of Driftline computes.
        """
        read = msgspec.convert(spec, _Spec)
        known = FEATURE_SETS.get(read.feature_set)
        if known is None or read.features != known.features:
            raise ValueError("this model was trained on other features: retrain it with this version of Driftline")
        complete = set(known.numbers) == set(read.medians) == set(read.ranges) and set(ENCODED) == set(read.rates)
        if not complete or not all(OTHER in rates for rates in read.rates.values()):
            raise ValueError("a featuriser that lacks some of its numbers: register the model again")
        return cls(known, read.medians, read.ranges, read.rates)


class _Spec(msgspec.Struct, frozen=True):
    """A featuriser as JSON."""

    feature_set: str
    features: tuple[str, ...]
    medians: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    rates: dict[str, dict[str, float]]
