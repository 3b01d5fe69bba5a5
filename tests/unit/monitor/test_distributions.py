"""Bars of a column of the window beside the reference: every row and every contact is in one of them, or set aside."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.events import Distribution
from monitor.distributions import BARS, MOST_VALUES, distribution, telling_feature
from monitor.features import CategoryFeature
from monitor.plan import SCORE
from monitor.reference import Reference

FLOATS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([math.inf, -math.inf, 0.0, -0.0, 1e308, -1e308])
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "numbers": FLOATS,
    "huge numbers": st.floats(-1.7e308, 1.7e308),
    "shares": st.floats(0, 1),
    "few numbers": st.sampled_from([1.0, 2.0, 3.5]),
    "a constant": st.just(7.0),
    "no number": st.just(math.nan),
    "nothing": st.none(),
    "words": st.sampled_from(["a", "b", "c", None]),
    "texts": st.text(max_size=3),
    "numbers among texts": st.one_of(st.sampled_from(["a", "b"]), st.integers(0, 9)),
    "texts among numbers": st.one_of(st.integers(0, 40), st.just("many")),
    "flags": st.booleans(),
}


@st.composite
def frames(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and a window of the same column; the window may be of another kind."""
    name = draw(st.sampled_from(sorted(COLUMNS)))
    other = draw(st.sampled_from([name, name, *sorted(COLUMNS)]))
    before = draw(st.lists(COLUMNS[name], min_size=1, max_size=80))
    now = draw(st.lists(COLUMNS[other], min_size=1, max_size=30))
    return pd.DataFrame({"column": before}), pd.DataFrame({"column": now})


def bars_of(reference: Reference, window: pd.DataFrame, feature: int = 0) -> Distribution:
    return distribution(reference, reference.encode_frame(window), feature)


@settings(max_examples=100)
@given(frames())
def test_bars_and_what_is_aside_add_up_to_the_rows_and_to_the_window(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    before, now = both
    found = bars_of(Reference.from_frame(before), now)
    assert sum(found.reference) + sum(rows for rows, _ in found.aside.values()) == len(before)
    assert sum(found.current) + sum(contacts for _, contacts in found.aside.values()) == len(now)
    assert len(found.reference) == len(found.current)
    assert bool(found.edges) + bool(found.values) <= 1
    if found.edges:
        assert len(found.edges) == len(found.reference) + 1
        assert all(math.isfinite(edge) for edge in found.edges)
        assert all(low < high for low, high in zip(found.edges, found.edges[1:], strict=False))
    else:
        assert len(found.values) == len(found.reference)
    assert all(min(counts) >= 0 and max(counts) > 0 for counts in found.aside.values())


@pytest.mark.parametrize("spread", [1.0, 1e-9, 1e200])
def test_a_number_is_in_the_bar_between_whose_edges_it_lies(spread: float) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=1_000) * spread
    window = rng.choice(values, 300)
    found = bars_of(Reference.from_frame(pd.DataFrame({"x": values})), pd.DataFrame({"x": window}))
    edges = np.array(found.edges)
    for counts, of in ((found.reference, values), (found.current, window)):
        inside = np.clip(of, edges[0], edges[-1])  # what lies beyond the ends is in the first and the last bar
        np.testing.assert_array_equal(counts, np.histogram(inside, edges)[0])
    assert len(found.reference) == BARS
    assert found.reference[0] <= 0.1 * len(values)


def test_the_score_has_bars_from_0_to_1() -> None:
    scores = np.random.default_rng(2).uniform(0.4, 0.6, 200)
    found = bars_of(Reference.from_frame(pd.DataFrame({SCORE: scores})), pd.DataFrame({SCORE: [0.99, 0.5]}))
    assert (found.edges[0], found.edges[-1], len(found.edges)) == (0.0, 1.0, BARS + 1)
    assert sum(found.current[8:12]) == 1
    assert found.current[-1] == 1  # beyond all values of the reference


def test_of_many_values_the_most_frequent_on_either_side_are_named_and_none_that_is_rare_in_the_reference() -> None:
    before = [f"common {n % 12}" for n in range(240)] + ["Example Person"]
    now = ["common 11"] * 50 + ["Example Person"] * 40 + ["never seen"] * 10
    found = bars_of(Reference.from_frame(pd.DataFrame({"x": before})), pd.DataFrame({"x": now}))
    assert len(found.values) == MOST_VALUES
    assert found.values[0] == "common 11"
    assert found.current[0] == 50
    assert not {"Example Person", "never seen"} & set(found.values)
    assert sum(contacts for _, contacts in found.aside.values()) == 50


def test_a_column_is_shown_as_it_came_where_that_is_watched_and_else_by_its_finest_feature() -> None:
    frame = pd.DataFrame({"flag": [0.0, 1.0] * 20, "length": np.arange(40.0), "raw": ["a", "b"] * 20, "other": 1.0})
    columns = {"flag": "size", "length": "size", "raw": "size", "other": "other"}
    reference = Reference.from_frame(frame, columns)
    assert isinstance(reference.features[telling_feature(reference, "size")], CategoryFeature)
    numbers = Reference.from_frame(frame.drop(columns="raw"), columns)
    assert numbers.features[telling_feature(numbers, "size")].name == "length"
