"""How the values of one monitored feature become codes.

All that a test needs of a value is where it falls among the reference's: counts over codes give every statistic of
`monitor` exactly, and they add up over panes and partitions. The last two codes of every feature are its missing
values and its misfits, values of another type than the reference's: text among numbers, numbers among text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW = 10
"""A number with at most this many distinct values in the reference is watched value by value too."""
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""How many of the units that pandas keeps times in make a second."""
NUMBER_LIKE = re.compile(r"\s*[-+]?[\d.,\u00a0' ]*\d[\d.,\u00a0' ]*(?:[eE][-+]?\d+)?%?\s*")


@dataclass(frozen=True, eq=False)
class NumberFeature:
    """A number, made of a column of the same place in the contact.

    With K distinct values in the reference, code 2k + 1 equals value k and code 2k lies below it and above the one
    before; infinities are values like others.

    Attributes:
        values: the reference's distinct values, ascending, shape (K,).
        counts: how often each occurs there.
        missing: reference rows without a value.
        misfits: reference rows with text.
    """

    name: str
    column: str
    values: Floats
    counts: Ints
    missing: int = 0
    misfits: int = 0

    @classmethod
    def of(cls, name: str, column: str, values: Floats, misfits: int = 0) -> NumberFeature:
        """From the reference's values; NaN stands for missing and for misfits."""
        unique, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        return cls(name, column, unique, counts.astype(np.int64), len(values) - int(counts.sum()) - misfits, misfits)

    @property
    def size(self) -> int:
        """Number of codes."""
        return 2 * len(self.values) + 3

    @cached_property
    def reference(self) -> Ints:
        """How many reference rows have each code."""
        held = np.zeros(self.size, np.int64)
        held[1:-2:2] = self.counts
        held[-2:] = self.missing, self.misfits
        return held

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        values = [v if math.isfinite(v) else str(v) for v in self.values.tolist()]
        return {"kind": "number", "name": self.name, "column": self.column, "values": values,
                "counts": self.counts.tolist(), "missing": self.missing, "misfits": self.misfits}  # fmt: skip


@dataclass(frozen=True, eq=False)
class CategoryFeature:
    """Text, a bool or a category: one code per distinct value of the reference, in order, then one for unseen values.

    Attributes:
        values: the reference's distinct values as text, ascending.
        counts: how often each occurs there.
        numbers: whether most of them read as numbers, so that text is the misfit.
    """

    name: str
    column: str
    values: tuple[str, ...]
    counts: Ints
    missing: int = 0
    numbers: bool = False

    @classmethod
    def of(cls, name: str, column: str, texts: Sequence[str | None]) -> CategoryFeature:
        """From the reference's values; None stands for missing."""
        present = [text for text in texts if text is not None]
        held = sorted(Counter(present).items())
        like = sum(count for text, count in held if is_number_like(text))
        counts = np.array([count for _, count in held], np.int64)
        missing = len(texts) - len(present)
        return cls(name, column, tuple(text for text, _ in held), counts, missing, 2 * like > len(present))

    @property
    def size(self) -> int:
        """Number of codes."""
        return len(self.values) + 3

    @cached_property
    def code_of(self) -> dict[str, int]:
        """The code of each known value."""
        return {value: code for code, value in enumerate(self.values)}

    def code(self, text: str) -> int:
        """The code of a value."""
        known = self.code_of.get(text)
        if known is not None:
            return known
        return self.size - 1 if is_number_like(text) != self.numbers else self.size - 3

    def codes(self, texts: Sequence[str | None]) -> Ints:
        """The codes of values; None is missing."""
        code = {text: self.size - 2 if text is None else self.code(text) for text in set(texts)}
        return np.array([code[text] for text in texts], np.int64)

    @cached_property
    def reference(self) -> Ints:
        """How many reference rows have each code, each row seen with the others as the reference.

        A value that occurs once is unseen from there, so the share of unseen values is what the next contact's is
        (Good 1953): without this a column of rare values would look as if it drifted from the first contact on.
        """
        once = self.counts == 1
        misfit = np.array([is_number_like(value) != self.numbers for value in self.values], bool)
        held = np.concatenate([np.where(once, 0, self.counts), np.zeros(3, np.int64)]).astype(np.int64)
        held[-3:] = (once & ~misfit).sum(), self.missing, (once & misfit).sum()
        return held

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"kind": "category", "name": self.name, "column": self.column, "values": list(self.values),
                "counts": self.counts.tolist(), "missing": self.missing, "numbers": self.numbers}  # fmt: skip


Feature = NumberFeature | CategoryFeature


def parts_of_columns(features: Sequence[Feature]) -> Floats:
    """What part of its column each feature is, for whatever a column has to share out.

    Numbers share equally, and so do categories; where a column has both (one-hots beside it), each kind has half.
    """
    same = Counter((feature.column, type(feature)) for feature in features)
    kinds = Counter(column for column, _ in same)
    return np.array([1.0 / kinds[feature.column] / same[feature.column, type(feature)] for feature in features])


def is_flag(feature: Feature) -> bool:
    """Whether a feature is a number that says yes (1) or no (0)."""
    return isinstance(feature, NumberFeature) and set(feature.values.tolist()) == {0.0, 1.0}


def feature_from_json(data: dict[str, Any]) -> Feature:
    """The inverse of ``to_json``."""
    counts = np.array(data["counts"], np.int64)
    if data["kind"] == "number":
        values = np.array([float(v) for v in data["values"]], np.float64)
        return NumberFeature(data["name"], data["column"], values, counts, data["missing"], data["misfits"])
    return CategoryFeature(
        data["name"], data["column"], tuple(data["values"]), counts, data["missing"], data["numbers"]
    )


def is_number_like(text: str) -> bool:
    """Whether a text reads as a plain number.

    >>> [is_number_like(text) for text in ("1200", "1,200.5", " 12 %", "51-200", "C++11", "")]
    [True, True, True, False, False, False]
    """
    return NUMBER_LIKE.fullmatch(text) is not None


def holds_numbers(series: pd.Series[Any]) -> bool:
    """Whether a column of a frame is one of numbers: by its type or, in a mixed one, by most of its values."""
    if pd.api.types.is_bool_dtype(series):
        return False
    if pd.api.types.is_numeric_dtype(series) or series.dtype.kind in "mM":
        return True
    present = series[series.notna()].tolist() if series.dtype == object else []
    return 2 * sum(_is_number(value) for value in present) > len(present)


def numbers_of(series: pd.Series[Any]) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers of a column, NaN where there is none, and which places hold something else than a number.

    Times are seconds, in whatever unit the frame holds them.

    Raises:
        ValueError: complex numbers, which have no order.
    """
    kind = series.dtype.kind
    if kind == "c":
        raise ValueError(f"column {series.name!r} holds complex numbers, which have no order: split it into two")
    if kind in "mM":
        missing = series.isna().to_numpy()
        seconds = series.astype("int64").to_numpy(np.float64, na_value=np.nan) / UNITS[series.dt.unit]
        return np.where(missing, np.nan, seconds), np.zeros(len(series), bool)
    if kind in "iuf" or (kind != "b" and pd.api.types.is_numeric_dtype(series)):
        return series.to_numpy(np.float64, na_value=np.nan), np.zeros(len(series), bool)
    missing = series.isna().to_numpy()
    misfit = np.array([not _is_number(value) for value in series.tolist()], bool) & ~missing
    values = [
        math.nan if skip else _float(value) for value, skip in zip(series.tolist(), missing | misfit, strict=True)
    ]
    return np.array(values, np.float64), misfit


def texts_of(series: pd.Series[Any]) -> list[str | None]:
    """The values of a column as text, None where there is none."""
    return [None if skip else _text(value) for value, skip in zip(series.tolist(), series.isna().tolist(), strict=True)]


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest float
        return math.inf if value > 0 else -math.inf


def _text(value: object) -> str:
    # 3.0 and 3 are the same category: a column of integers becomes one of floats as soon as a value is missing.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
