"""A column of the window beside the reference, as bars for people to look at.

Counts over codes are all that is needed, so no contact's value is looked up; of texts, only values that the
reference has often enough are named.
"""

from __future__ import annotations

import numpy as np

from driftline.events import Distribution
from monitor.categorical import FREQUENT
from monitor.features import CategoryFeature, Floats, Ints, NumberFeature
from monitor.plan import SCORE
from monitor.reference import Codes, Reference

BARS = 20
"""Of a number with more distinct values in the reference; with fewer, each has a bar of its own."""
MOST_VALUES = 9
"""Of a category, the most frequent of either side; the others are counted together."""
OUTER = 0.01
"""Of a number's reference on either side, what the outermost bar may hold from beyond its edge."""
FARTHEST = np.finfo(np.float64).max / 4
"""From zero, that an edge may be: edges have to have a distance."""


def distribution(reference: Reference, window: Codes, feature: int) -> Distribution:
    """One feature of the window, rows of codes, beside the reference.

    >>> import pandas as pd
    >>> reference = Reference.from_frame(pd.DataFrame({"size": ["a"] * 20 + ["b"] * 10}))
    >>> found = distribution(reference, reference.encode_frame(pd.DataFrame({"size": ["b", "c", "b", None]})), 0)
    >>> found.values, found.reference, found.current, found.aside
    (['b', 'a'], [10, 20], [2, 0], {'missing': (0, 1), 'unseen': (0, 1)})
    """
    held = reference.features[feature]
    before = held.reference
    now = np.bincount(window[:, feature].astype(np.int64), minlength=held.size)
    aside = {"missing": (before[-2], now[-2]), "other type": (before[-1], now[-1])}
    edges: list[float] = []
    values: list[str] = []
    if isinstance(held, CategoryFeature):
        shown = _most_frequent(before[:-3], now[:-3])
        values = [held.values[code] for code in shown]
        aside["unseen"] = before[-3], now[-3]
        aside["other values"] = before[:-3].sum() - before[shown].sum(), now[:-3].sum() - now[shown].sum()
        bars = before[shown], now[shown]
    elif len(held.values) > BARS:
        limits = _edges(held)
        edges = limits.tolist()
        bar = np.clip(np.searchsorted(limits, _positions(held), "right") - 1, 0, len(limits) - 2)
        bars = _sums(bar, before[:-2], len(limits) - 1), _sums(bar, now[:-2], len(limits) - 1)
    else:
        values = [f"{value:.6g}" for value in held.values.tolist()]
        between = now[0:-2:2].sum()
        aside["unseen"] = 0, between
        bars = before[1:-2:2], now[1:-2:2]
    return Distribution(
        column=held.column,
        feature=held.name,
        edges=edges,
        values=values,
        reference=bars[0].tolist(),
        current=bars[1].tolist(),
        aside={name: (int(b), int(n)) for name, (b, n) in aside.items() if b or n},
    )


def telling_feature(reference: Reference, column: str) -> int:
    """The feature that shows most of a column: its values as they came where those are watched, else the finest."""
    mine = [j for j, held in enumerate(reference.features) if held.column == column]
    raw = [j for j in mine if isinstance(reference.features[j], CategoryFeature)]
    return max(raw or mine, key=lambda j: len(reference.features[j].values))


def _most_frequent(before: Ints, now: Ints) -> list[int]:
    """The codes to name: of values that the reference has often, those with the greatest share on either side."""
    share = np.maximum(before / max(1, before.sum()), now / max(1, now.sum()))
    named = np.flatnonzero(before >= FREQUENT)
    found: list[int] = named[np.argsort(-share[named], kind="stable")][:MOST_VALUES].tolist()
    return found


def _edges(held: NumberFeature) -> Floats:
    if held.name == SCORE:
        return np.linspace(0.0, 1.0, BARS + 1)
    finite = np.isfinite(held.values)
    values, counts = np.clip(held.values[finite], -FARTHEST, FARTHEST), held.counts[finite]
    below = np.cumsum(counts) / counts.sum()
    low = values[int(np.searchsorted(below, OUTER))]
    high = values[min(len(values) - 1, int(np.searchsorted(below, 1.0 - OUTER)))]
    return np.linspace(low, high, BARS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _positions(held: NumberFeature) -> Floats:
    """Where each code lies; between two reference values, in the middle of them."""
    values = np.nan_to_num(held.values)
    at = np.empty(2 * len(values) + 1)
    at[1::2] = values
    at[2:-1:2] = values[:-1] / 2 + values[1:] / 2
    at[0], at[-1] = -np.inf, np.inf
    return at


def _sums(bar: Ints, counts: Ints, bars: int) -> Ints:
    return np.bincount(bar, weights=counts, minlength=bars).astype(np.int64)
