"""The reference window, and the code of a value against it.

All that a Kolmogorov-Smirnov test needs of a value is where it falls among the reference's unique values:
``code = searchsorted(u, x, "left") + searchsorted(u, x, "right")``. Odd codes equal a reference value, even ones lie
between two. Counts over these codes give the exact statistic, ties and 0/1 features included, and they add up
over panes and partitions without loss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.uint16]
Floats = NDArray[np.float64]

MAX_ROWS = 32_000
"""Codes are 16 bits wide: up to 2·32,000 + 1 of them."""
FREQUENT = 10
"""A category needs this many reference rows for a feature of its own; the others share one."""


@dataclass(frozen=True)
class Feature:
    """One monitored feature: its name, the column it is made of, and, for a 0/1 feature, which value it marks."""

    name: str
    column: str
    marks: str | None = None


@dataclass(frozen=True, eq=False)
class Reference:
    """What current windows are compared with: for every feature, the sorted unique values and their counts.

    >>> reference = Reference.from_frame(pd.DataFrame({"age": [30, 40, 40, None]}))
    >>> reference.encode_frame(pd.DataFrame({"age": [30, 35, 40, 50, None]})).ravel().tolist()
    [3, 4, 5, 6, 1]
    """

    id: str
    rows: int
    features: tuple[Feature, ...]
    values: tuple[Floats, ...]
    counts: tuple[NDArray[np.int64], ...]

    @classmethod
    def from_features(
        cls,
        values: NDArray[np.floating[Any]],
        names: Sequence[str],
        columns: Sequence[str],
        id: str | None = None,
    ) -> Reference:
        """From a matrix (rows, features), each feature made of the column of the same place."""
        features = [Feature(name, column) for name, column in zip(names, columns, strict=True)]
        return cls._build(np.asarray(values, np.float64), features, id)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Reference:
        """From any frame: numbers as they are; bool, text and category columns as one 0/1 feature per frequent value.

        A missing number becomes minus infinity, below every value: one KS statistic then watches the distribution
        and the share of missing values together. A missing category is a value of its own.

        Raises:
            ValueError: the frame has no rows or no columns.
        """
        features: list[Feature] = []
        for column in frame.columns:
            series = frame[column]
            if _is_number(series):
                features.append(Feature(str(column), str(column)))
                continue
            frequent = _as_text(series).value_counts()
            marks = sorted(str(value) for value, n in frequent.items() if n >= FREQUENT)
            features += [Feature(f"{column}={value}", str(column), value) for value in [*marks, _OTHER]]
        return cls._build(_matrix(frame, features), features, None)

    @classmethod
    def _build(cls, values: Floats, features: Sequence[Feature], id: str | None) -> Reference:
        rows = len(values)
        if not rows or not features:
            raise ValueError("a reference needs at least one row and one column")
        if rows > MAX_ROWS:
            raise ValueError(f"a reference of {rows:,} rows is more than the {MAX_ROWS:,} supported: sample it")
        unique = [np.unique(_embedded(values[:, j]), return_counts=True) for j in range(len(features))]
        if id is None:
            digest = hashlib.sha256(repr([(f.name, f.column) for f in features]).encode())
            digest.update(np.ascontiguousarray(_embedded(values)).tobytes())
            id = digest.hexdigest()[:12]
        return cls(id, rows, tuple(features), tuple(u for u, _ in unique), tuple(c for _, c in unique))

    def encode(self, values: NDArray[np.floating[Any]]) -> Codes:
        """Codes of a matrix (rows, features), same shape."""
        embedded = _embedded(np.asarray(values, np.float64))
        codes = np.empty(embedded.shape, np.uint16)
        for j, unique in enumerate(self.values):
            codes[:, j] = unique.searchsorted(embedded[:, j], "left") + unique.searchsorted(embedded[:, j], "right")
        return codes

    def encode_frame(self, frame: pd.DataFrame) -> Codes:
        """Codes of a frame with the reference's columns.

        Raises:
            ValueError: a column is missing.
        """
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise ValueError(f"the rows lack the reference's column {missing[0]!r}")
        return self.encode(_matrix(frame, self.features))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns watched, in order."""
        return tuple(dict.fromkeys(feature.column for feature in self.features))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each feature's codes begin when the codes of all features are laid end to end."""
        sizes = [2 * len(unique) + 1 for unique in self.values]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @cached_property
    def cumulative(self) -> NDArray[np.int64]:
        """Reference rows with a code up to each, feature after feature: the reference's side of every KS test."""
        flat = np.zeros(int(self.starts[-1]), np.int64)
        for start, counts in zip(self.starts, self.counts, strict=False):
            flat[start + 1 : start + 2 * len(counts) : 2] = counts
            flat[start : start + 2 * len(counts) + 1] = np.cumsum(flat[start : start + 2 * len(counts) + 1])
        return flat

    def codes_of(self, feature: int) -> NDArray[np.int64]:
        """The reference's own codes of one feature, sorted."""
        counts = self.counts[feature]
        return np.repeat(2 * np.arange(len(counts)) + 1, counts)

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data; infinities are written as None."""
        return {
            "id": self.id,
            "rows": self.rows,
            "features": [[f.name, f.column, f.marks] for f in self.features],
            "values": [[None if np.isneginf(v) else v for v in unique.tolist()] for unique in self.values],
            "counts": [counts.tolist() for counts in self.counts],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The inverse of `to_json`."""
        return cls(
            data["id"],
            data["rows"],
            tuple(Feature(*feature) for feature in data["features"]),
            tuple(np.array([-np.inf if v is None else v for v in unique], np.float64) for unique in data["values"]),
            tuple(np.array(counts, np.int64) for counts in data["counts"]),
        )


_OTHER = "(other)"
_MISSING = "(missing)"


def _embedded(values: Floats) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)


def _is_number(series: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def _as_text(series: pd.Series[Any]) -> pd.Series[Any]:
    return series.astype(object).where(series.notna(), _MISSING).astype(str)


def _matrix(frame: pd.DataFrame, features: Sequence[Feature]) -> Floats:
    out = np.empty((len(frame), len(features)), np.float64)
    texts: dict[str, NDArray[Any]] = {}
    known: dict[str, set[str]] = {}
    for feature in features:
        if feature.marks is not None:
            known.setdefault(feature.column, set()).add(feature.marks)
    for j, feature in enumerate(features):
        if feature.marks is None:
            out[:, j] = pd.to_numeric(frame[feature.column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
            continue
        if feature.column not in texts:
            texts[feature.column] = _as_text(frame[feature.column]).to_numpy(object)
        text = texts[feature.column]
        if feature.marks == _OTHER:
            out[:, j] = ~np.isin(text, list(known[feature.column] - {_OTHER}))
        else:
            out[:, j] = text == feature.marks
    return out
