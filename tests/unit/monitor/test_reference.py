"""References of frames and of features, and the codes of what comes against them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import Reference
from monitor.features import CategoryFeature, NumberFeature


def frame(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(40, 10, n)),
            "sector": rng.choice(["a", "b", "rare"], n, p=[0.6, 0.39, 0.01]),
            "active": rng.random(n) < 0.5,
        }
    )


def codes_of(reference: list[Any], rows: list[Any]) -> tuple[Reference, list[int]]:
    coded = Reference.from_frame(pd.DataFrame({"x": reference}))
    return coded, coded.encode_frame(pd.DataFrame({"x": rows})).ravel().tolist()


def test_numbers_are_coded_by_their_place_among_the_reference_values() -> None:
    rows = [-np.inf, 1, 1.5, 2, 9, np.inf, None]
    assert codes_of([1.0, 2.0, 2.0, np.inf], rows)[1] == [0, 1, 2, 3, 4, 5, 7]


def test_text_among_numbers_and_numbers_among_text_are_misfits() -> None:
    _, codes = codes_of([1.0, 2.0, 3.0], [1, "2", "many", None, True])
    assert codes == [1, 8, 8, 7, 8]
    texts, codes = codes_of(["2-10", "11-50"], ["2-10", "120", 120, "1,200", "51-200", None])
    assert codes == [1, 4, 4, 4, 2, 3]
    assert texts.sizes.tolist() == [5]


def test_where_most_texts_are_numbers_words_are_the_misfits() -> None:
    assert codes_of(["10115", "10117", "n/a"], ["10115", "20095", "n/a", "Berlin"])[1] == [0, 3, 2, 5]


def test_a_mixed_column_is_what_most_of_its_values_are() -> None:
    mixed = Reference.from_frame(pd.DataFrame({"x": pd.Series([1, 2, 3, "?"], dtype=object)}))
    (feature,) = mixed.features
    assert isinstance(feature, NumberFeature)
    assert feature.misfits == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_the_same_in_any_unit(unit: str) -> None:
    at, took = pd.to_datetime(["2026-01-01", "NaT", "2026-01-03"]), pd.to_timedelta([1, None, 3], "s")
    times = pd.DataFrame({"at": at, "took": took})
    reference = Reference.from_frame(times)
    other = times.astype({"at": f"datetime64[{unit}]", "took": f"timedelta64[{unit}]"})
    arrow = times.copy().astype({"at": f"timestamp[{unit}][pyarrow]", "took": f"duration[{unit}][pyarrow]"})
    for frame in (times, other, arrow):
        assert reference.encode_frame(frame).tolist() == [[1, 1], [5, 5], [3, 3]]


def test_values_that_occur_once_count_as_unseen_in_the_reference() -> None:
    feature = CategoryFeature.of("city", "city", ["a", "a", "b", "c", None])
    assert feature.reference.tolist() == [2, 0, 0, 2, 1, 0]


def test_json_round_trip_codes_alike() -> None:
    reference = Reference.from_frame(frame(300, 0).assign(wide=np.where(np.arange(300) % 2, np.inf, -1e308)))
    again = Reference.from_json(reference.to_json())
    rows = frame(100, 2).assign(wide=0.0)
    assert (again.id, again.rows) == (reference.id, reference.rows)
    np.testing.assert_array_equal(again.encode_frame(rows), reference.encode_frame(rows))


def test_the_order_of_columns_and_extra_ones_do_not_matter() -> None:
    reference = Reference.from_frame(frame(300, 0))
    rows = frame(50, 1)
    other = rows[["active", "sector", "age"]].assign(more=1)
    np.testing.assert_array_equal(reference.encode_frame(other), reference.encode_frame(rows))


def test_a_column_that_is_not_there_is_missing_in_every_row() -> None:
    reference = Reference.from_frame(frame(300, 0))
    codes = reference.encode_frame(frame(10, 1).drop(columns="sector"))
    assert set(codes[:, 1].tolist()) == {int(reference.sizes[1]) - 2}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (frame(300, 0).head(0), "at least one row"),
        (pd.DataFrame(index=range(3)), "one column"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns 'a'"),
        (pd.DataFrame({"z": [1j]}), "'z' holds complex numbers"),
    ],
)
def test_a_frame_that_cannot_be_a_reference_is_refused_by_name(bad: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reference.from_frame(bad)


def test_rows_without_any_of_the_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="none of the reference's columns, such as 'age'"):
        Reference.from_frame(frame(300, 0)).encode_frame(pd.DataFrame({"other": [1]}))


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["a", "é", "😀", "7"]),
    st.integers(10**300, 10**320), st.dates(),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(ANYTHING, min_size=1, max_size=30), st.lists(ANYTHING, min_size=1, max_size=30))
def test_any_value_has_a_code_against_any_reference(old: list[Any], new: list[Any]) -> None:
    coded = Reference.from_frame(pd.DataFrame({"x": pd.Series(old, dtype=object)}))
    codes = coded.encode_frame(pd.DataFrame({"x": pd.Series(new, dtype=object)}))
    assert (codes < coded.sizes).all()
    again = coded.encode_frame(pd.DataFrame({"x": pd.Series(old, dtype=object)}))
    held = np.bincount(again.ravel(), minlength=int(coded.sizes[0]))
    assert held.sum() == len(old)
    assert coded.features[0].reference.sum() == len(old)
