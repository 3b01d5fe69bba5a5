"""The exact rolling KS test over codes."""

import random
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ks_2samp

from monitor.ks import SCIPY_EXACT, RollingKS, p_value
from monitor.reference import Reference

# Few distinct values: ties within and between the samples, 0/1 features, infinities, values outside the reference.
VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.0, 0.1, 1e9, -1e9, np.inf, -np.inf, np.nan]))


def scipy_of(reference: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """scipy's D and p over the values that are there."""
    with warnings.catch_warnings():  # it says so whenever it takes the asymptotic p-value
        warnings.simplefilter("ignore", RuntimeWarning)
        result = ks_2samp(reference[~np.isnan(reference)], window[~np.isnan(window)])
    return float(result.statistic), float(result.pvalue)


def one_column(values: np.ndarray) -> Reference:
    return Reference.from_features(values.reshape(-1, 1), ["x"], ["x"])


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 60), elements=VALUES),
    arrays(np.float64, st.integers(1, 90), elements=VALUES),
    st.integers(1, 40),
)
def test_statistic_and_p_value_are_those_of_scipy_bit_for_bit(
    reference: np.ndarray, stream: np.ndarray, window: int
) -> None:
    coded = one_column(reference)
    codes = coded.encode(stream.reshape(-1, 1))
    rolling = RollingKS(coded, window)
    for end in range(1, len(stream) + 1):
        report = rolling.push(codes[end - 1 : end])
        current = stream[max(0, end - window) : end]
        if np.isnan(current).all() or np.isnan(reference).all():
            assert np.isnan(report.statistic[0])
            continue
        statistic, p = scipy_of(reference, current)
        assert report.statistic[0] == statistic
        assert abs(report.effect[0]) == statistic
        if end % 17 == 0:
            assert p_value(coded, codes[max(0, end - window) : end], 0, statistic) == pytest.approx(p, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 60), elements=VALUES),
    arrays(np.float64, st.integers(2, 60), elements=VALUES),
    st.randoms(use_true_random=False),
)
def test_parts_coded_by_several_workers_give_the_same_statistic_in_any_order(
    reference: np.ndarray, window: np.ndarray, order: random.Random
) -> None:
    whole = one_column(reference)
    expected = RollingKS(whole, len(window)).push(whole.encode(window.reshape(-1, 1)))
    cuts = sorted(order.sample(range(len(window) + 1), min(3, len(window))))
    parts = [window[a:b] for a, b in pairwise([0, *cuts, len(window)])]
    order.shuffle(parts)
    merged = RollingKS(whole, len(window))
    report = merged.push(whole.encode(np.empty((0, 1))))
    for part in parts:  # each worker has a reference of its own, from the bundle
        report = merged.push(one_column(reference).encode(part.reshape(-1, 1)))
    np.testing.assert_array_equal(report.statistic, expected.statistic)
    np.testing.assert_array_equal(np.abs(report.effect), np.abs(expected.effect))


@pytest.mark.parametrize(("rows", "window"), [(SCIPY_EXACT + 1, 50), (100_000, 700), (30, 50), (997, 500)])
def test_large_samples_round_as_scipy_does(rows: int, window: int) -> None:
    rng = np.random.default_rng(rows)
    reference, stream = rng.normal(size=rows).round(4), rng.normal(0.1, 1, size=2 * window).round(4)
    coded = one_column(reference)
    codes = coded.encode(stream.reshape(-1, 1))
    rolling = RollingKS(coded, window)
    for begin in range(0, 2 * window, 50):
        report = rolling.push(codes[begin : begin + 50])
        current = slice(max(0, begin + 50 - window), begin + 50)
        statistic, p = scipy_of(reference, stream[current])
        assert report.statistic[0] == statistic
        if begin % 200 == 0:
            assert p_value(coded, codes[current], 0, statistic) == pytest.approx(p, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(2, 80), st.integers(2, 50), st.integers(0, 2**32 - 1))
def test_a_trace_tests_at_every_contact_all_features_at_once(features: int, rows: int, window: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = rng.integers(0, 5, (rows, features)).astype(float), rng.normal(1, 2, (3 * window, features)).round()
    names = [str(j) for j in range(features)]
    together = Reference.from_features(old, names, names)
    trace = RollingKS(together, window).trace(together.encode(new))
    assert trace.shape == (2 * window + 1, features)
    for place in (0, window, 2 * window):
        alone = [scipy_of(old[:, j], new[place : place + window, j])[0] for j in range(features)]
        np.testing.assert_array_equal(trace[place], alone)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_the_cut_of_the_stream_does_not_matter(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    coded = Reference.from_features(rng.normal(size=(100, 2)).round(1), ["a", "b"], ["a", "b"])
    codes = coded.encode(rng.normal(size=(sum(sizes), 2)).round(1))
    whole, pieces = RollingKS(coded, 60), RollingKS(coded, 60)
    expected = whole.push(codes)
    bounds = np.cumsum([0, *sizes])
    for begin, end in pairwise(bounds.tolist()):
        report = pieces.push(codes[begin:end])
    np.testing.assert_array_equal(report.statistic, expected.statistic)
    np.testing.assert_array_equal(report.effect, expected.effect)


def test_effect_is_positive_where_the_window_lies_higher() -> None:
    reference = one_column(np.arange(100.0))
    higher = RollingKS(reference, 100).push(reference.encode(np.arange(50.0, 150.0).reshape(-1, 1)))
    lower = RollingKS(reference, 100).push(reference.encode(np.arange(-50.0, 50.0).reshape(-1, 1)))
    assert (higher.effect[0], lower.effect[0]) == (0.5, -0.5)
