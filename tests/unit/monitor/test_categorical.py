"""Shares, and Fisher's test of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from monitor import Reference, kernels
from monitor.categorical import MOST_VALUES, Shares


def shares_of(values: list[object]) -> tuple[Reference, Shares]:
    reference = Reference.from_frame(pd.DataFrame({"x": pd.Series(values, dtype=object)}))
    return reference, Shares.of(reference.features, reference.rows)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 600), st.integers(1, 2_000), st.floats(0, 1), st.floats(0, 1))
def test_p_value_is_twice_the_smaller_tail_of_scipys_hypergeometric(m: int, n: int, p: float, q: float) -> None:
    hits, reference_hits = round(m * p), round(n * q)
    law = hypergeom(m + n, hits + reference_hits, m)
    tail = law.sf(hits - 1) if hits * (m + n) >= (hits + reference_hits) * m else law.cdf(hits)
    assert kernels.fisher_p(hits, m, reference_hits, n) == pytest.approx(min(1.0, 2 * tail), rel=1e-9, abs=1e-290)


def test_p_value_is_close_to_scipys_two_sided_fisher_test() -> None:
    ours = kernels.fisher_p(90, 500, 100, 1_000)
    assert ours == pytest.approx(fisher_exact([[90, 410], [100, 900]]).pvalue, rel=0.5)


def test_frequent_values_are_watched_alone_and_rare_ones_together() -> None:
    _, shares = shares_of([*["a"] * 60, *["b"] * 30, *["c"] * 3, *["d"] * 4, "e", None, None])
    found = {(share.test, share.value): share.hits for share in shares.shares}
    assert found == {
        ("frequency", "a"): 60, ("frequency", "b"): 30, ("frequency", None): 7,
        ("unseen", None): 1, ("type", None): 0, ("missing", None): 2,
    }  # fmt: skip


def test_a_number_with_few_values_is_watched_value_by_value_too() -> None:
    _, shares = shares_of([*[0] * 50, *[1] * 30, *[2] * 20])
    values = [(share.value, share.hits) for share in shares.shares if share.test == "frequency"]
    assert values == [("0", 50), ("1", 30), ("2", 20)]


@pytest.mark.parametrize("rows", [[*[0] * 60, *[1] * 40], [*[True] * 40, *[False] * 60]])
def test_of_two_values_the_rarer_says_it_all(rows: list[object]) -> None:
    _, shares = shares_of(rows)
    assert [share.hits for share in shares.shares if share.test == "frequency"] == [40]


def test_of_many_values_the_most_frequent_are_watched_alone() -> None:
    _, shares = shares_of([f"v{k}" for k in range(40) for _ in range(10 + k)])
    alone = [share.value for share in shares.shares if share.test == "frequency" and share.value is not None]
    assert sorted(alone) == sorted(f"v{k}" for k in range(40 - MOST_VALUES, 40))


@given(st.lists(st.sampled_from(["a", "b", "rare", "new", "12", None]), min_size=1, max_size=50))
def test_every_contact_falls_into_exactly_one_share_of_a_category(rows: list[str | None]) -> None:
    reference, shares = shares_of([*["a"] * 30, *["b"] * 20, *["rare"] * 2])
    codes = reference.encode_frame(pd.DataFrame({"x": pd.Series(rows, dtype=object)}))
    hits = shares.hits(codes, reference.starts)
    assert hits.sum() == len(rows)
    by_test = {(s.test, s.value): int(h) for s, h in zip(shares.shares, hits, strict=True)}
    assert by_test["unseen", None] == rows.count("new")
    assert by_test["type", None] == rows.count("12")
    assert by_test["missing", None] == rows.count(None)


def test_hits_of_two_partitions_add_up() -> None:
    reference, shares = shares_of([*["a"] * 30, *["b"] * 20])
    codes = reference.encode_frame(pd.DataFrame({"x": list("abbaabxab")}))
    parts = shares.hits(codes[:4], reference.starts) + shares.hits(codes[4:], reference.starts)
    np.testing.assert_array_equal(shares.hits(codes, reference.starts), parts)
