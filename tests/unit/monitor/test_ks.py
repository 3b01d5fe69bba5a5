"""The exact KS test over codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ks_2samp

from monitor.ks import ks_statistics, p_value, unseen_share
from monitor.reference import Reference

# scipy says so whenever it takes the asymptotic p-value.
pytestmark = pytest.mark.filterwarnings("ignore:ks_2samp:RuntimeWarning")

# Few distinct values: ties within and between the samples, 0/1 features, values outside the reference.
VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.0, 1.0, 0.1, 1e9, -1e9]))


def of(values: np.ndarray) -> Reference:
    return Reference.from_features(values.reshape(-1, 1), ["x"], ["x"])


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, st.integers(1, 60), elements=VALUES), arrays(np.float64, st.integers(1, 60), elements=VALUES))
def test_statistic_and_p_value_are_those_of_scipy_ties_included(reference: np.ndarray, window: np.ndarray) -> None:
    coded = of(reference)
    codes = coded.encode(window.reshape(-1, 1))
    expected = ks_2samp(reference, window)
    assert ks_statistics(coded, codes).statistic[0] == pytest.approx(expected.statistic, abs=1e-12)
    assert p_value(coded, codes, 0) == pytest.approx(expected.pvalue, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(2, 80), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_all_features_at_once_equal_each_alone(features: int, n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = rng.integers(0, 5, (n, features)).astype(float), rng.normal(1, 2, (m, features)).round()
    names = [str(j) for j in range(features)]
    together = Reference.from_features(old, names, names)
    statistic = ks_statistics(together, together.encode(new)).statistic
    alone = [ks_2samp(old[:, j], new[:, j]).statistic for j in range(features)]
    np.testing.assert_allclose(statistic, alone, atol=1e-12)


def test_effect_is_positive_where_the_window_lies_higher() -> None:
    reference = of(np.arange(100.0))
    higher = ks_statistics(reference, reference.encode(np.arange(50.0, 150.0).reshape(-1, 1)))
    lower = ks_statistics(reference, reference.encode(np.arange(-50.0, 50.0).reshape(-1, 1)))
    assert higher.effect[0] == pytest.approx(0.5)
    assert lower.effect[0] == pytest.approx(-0.5)


def test_unseen_share_counts_values_that_the_reference_does_not_hold() -> None:
    reference = of(np.array([1.0, 2.0]))
    assert unseen_share(reference.encode(np.array([[1.0], [1.5], [2.0], [9.0]])))[0] == 0.5
