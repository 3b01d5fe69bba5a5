"""The reference window: what current windows are compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitor.dependence import inflation
from monitor.features import (
    CategoryFeature,
    Feature,
    Floats,
    Ints,
    NumberFeature,
    feature_from_json,
    holds_numbers,
    numbers_of,
    texts_of,
)
from monitor.one_hots import one_hot_columns

Codes = NDArray[np.unsignedinteger[Any]]

NO_TEXTS: Mapping[int, Sequence[str | None]] = {}
MAX_ROWS = 1_000_000
FEWEST_ROWS = 30


@dataclass(frozen=True, eq=False)
class Reference:
    """The monitored features, and for each the reference's distinct values and their counts.

    Attributes:
        id: a name derived from the content.
        rows: contacts in the reference window.
        inflation: for each feature how many times the variance of a mean grows because contacts that follow each
            other are alike; 1 where they are independent (see `monitor.dependence`).

    >>> reference = Reference.from_frame(pd.DataFrame({"age": [30, 40, 40, None], "sector": ["a", "a", "b", "b"]}))
    >>> reference.encode_frame(pd.DataFrame({"age": [30, 35, 40, 50, None], "sector": ["a", "b", "c", "7", None]}))
    array([[1, 0],
           [2, 1],
           [3, 2],
           [4, 4],
           [5, 3]], dtype=uint16)
    """

    id: str
    rows: int
    features: tuple[Feature, ...]
    inflation: Floats

    @classmethod
    def from_features(
        cls,
        values: NDArray[np.floating[Any]],
        names: Sequence[str],
        columns: Sequence[str],
        texts: Mapping[int, Sequence[str | None]] = NO_TEXTS,
        id: str | None = None,
    ) -> Reference:
        """From a matrix (rows, features) of numbers in order of arrival, each feature made of the column beside it.

        Args:
            texts: for the places that are categories, their values instead.
        """
        matrix = np.asarray(values, np.float64)
        made: list[Feature] = [
            CategoryFeature.of(name, column, texts[j]) if j in texts else NumberFeature.of(name, column, matrix[:, j])
            for j, (name, column) in enumerate(zip(names, columns, strict=True))
        ]
        return cls._build(len(matrix), made, lambda reference: reference.encode(matrix, texts), id)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, columns: Mapping[str, str] | None = None) -> Reference:
        """From any frame in order of arrival: numbers and times as numbers, bool, text and categories as categories.

        Args:
            columns: for features that are made of another column, that column: what is made of one is told as one.
                Without it, one-hots are recognised (`monitor.one_hots`).

        Raises:
            ValueError: no rows, no columns, or two columns of the same name.
        """
        twice = frame.columns[frame.columns.duplicated()]
        if len(twice):
            raise ValueError(f"the reference has two columns {twice[0]!r}: rename one")
        made: list[Feature] = []
        columns = one_hot_columns(frame) if columns is None else columns
        for name in frame.columns:
            series, column = frame[name], columns.get(str(name), str(name))
            if holds_numbers(series):
                values, misfit = numbers_of(series)
                made.append(NumberFeature.of(str(name), column, values, int(misfit.sum())))
            else:
                made.append(CategoryFeature.of(str(name), column, texts_of(series)))
        return cls._build(len(frame), made, lambda reference: reference.encode_frame(frame), None)

    @classmethod
    def _build(cls, rows: int, features: Sequence[Feature], encode: Any, id: str | None) -> Reference:
        if not rows or not features:
            raise ValueError("a reference needs at least one row and one column")
        if rows > MAX_ROWS:
            raise ValueError(f"a reference of {rows:,} rows is more than the {MAX_ROWS:,} supported: sample it")
        bare = cls("", rows, tuple(features), np.ones(len(features)))
        measured = inflation(encode(bare), bare.features)
        content = json.dumps([[feature.to_json() for feature in features], measured.tolist()])
        return cls(id or hashlib.sha256(content.encode()).hexdigest()[:12], rows, bare.features, measured)

    def encode(self, values: NDArray[np.floating[Any]], texts: Mapping[int, Sequence[str | None]] = NO_TEXTS) -> Codes:
        """Codes of a matrix (rows, features) of numbers, same shape; NaN is missing.

        Args:
            texts: the values of the categories, by place.
        """
        from monitor import kernels  # noqa: PLC0415  (Numba takes a second to load)

        codes = np.empty(values.shape, self.dtype)
        kernels.encode_numbers(np.ascontiguousarray(values, np.float64), *self._unique, codes)
        for place, held in texts.items():
            feature = self.features[place]
            assert isinstance(feature, CategoryFeature)
            codes[:, place] = feature.codes(held)
        return codes

    def encode_frame(self, frame: pd.DataFrame) -> Codes:
        """Codes of a frame, shape (rows, features). A column that it lacks is missing in all rows.

        Raises:
            ValueError: it has none of the reference's columns.
        """
        held = {str(name): series for name, series in frame.items()}
        if not any(feature.name in held for feature in self.features):
            raise ValueError(f"the rows have none of the reference's columns, such as {self.features[0].name!r}")
        numbers = np.full((len(frame), len(self.features)), np.nan)
        misfits = np.zeros(numbers.shape, bool)
        texts: dict[int, Sequence[str | None]] = {}
        for j, feature in enumerate(self.features):
            series = held.get(feature.name)
            if isinstance(feature, CategoryFeature):
                texts[j] = [None] * len(frame) if series is None else texts_of(series)
            elif series is not None:
                numbers[:, j], misfits[:, j] = numbers_of(series)
        codes = self.encode(numbers, texts)
        codes[misfits] = np.broadcast_to(self.sizes - 1, codes.shape)[misfits]
        return codes

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The contact's columns that are watched, in order."""
        return tuple(dict.fromkeys(feature.column for feature in self.features))

    @property
    def untested(self) -> dict[str, str]:
        """Features whose distribution cannot be tested, and why."""
        why = {}
        for feature in self.features:
            if not len(feature.values):
                why[feature.name] = (
                    "no values in the reference: only the shares of missing values and misfits are tested"
                )
            elif isinstance(feature, CategoryFeature) and len(feature.values) > 1 and (feature.counts == 1).all():
                why[feature.name] = "no value occurs twice in the reference: only missing values and misfits are tested"
        return why

    @cached_property
    def sizes(self) -> Ints:
        """Number of codes of each feature."""
        return np.array([feature.size for feature in self.features], np.int64)

    @cached_property
    def starts(self) -> Ints:
        """Where each feature's codes begin when those of all features are laid end to end, and where they end."""
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    @cached_property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The type of codes: uint16, or uint32 where a feature has more than 65,536 of them."""
        return np.dtype("<u2" if int(self.sizes.max()) <= 65_536 else "<u4")

    @cached_property
    def _unique(self) -> tuple[Floats, Ints]:
        values = [f.values if isinstance(f, NumberFeature) else np.empty(0) for f in self.features]
        return np.concatenate(values), np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        features = [feature.to_json() for feature in self.features]
        return {"id": self.id, "rows": self.rows, "features": features, "inflation": self.inflation.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The inverse of `to_json`."""
        features = tuple(feature_from_json(feature) for feature in data["features"])
        return cls(data["id"], data["rows"], features, np.array(data["inflation"], np.float64))
