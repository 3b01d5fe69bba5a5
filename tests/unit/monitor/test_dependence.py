"""Serial dependence is measured, and independent contacts are not taken for dependent ones."""

import numpy as np
import pytest

from monitor import Reference


def of(values: np.ndarray) -> Reference:
    names = [str(j) for j in range(values.shape[1])]
    return Reference.from_features(values, names, names)


def test_independent_contacts_have_no_inflation() -> None:
    rng = np.random.default_rng(0)
    dependent = sum((of(rng.normal(size=(1_000, 10))).inflation > 1).any() for _ in range(100))
    assert dependent <= 2  # P ≤ 0.001 each


@pytest.mark.parametrize(("rho", "v"), [(0.3, 1.86), (0.6, 4.0)])
def test_inflation_of_an_autoregression_is_that_of_its_mean(rho: float, v: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(1_200, 40)) * np.sqrt(1 - rho**2)
    for t in range(1, len(noise)):
        noise[t] += rho * noise[t - 1]
    found = of(noise[200:]).inflation
    assert (found >= v).mean() >= 0.8
    assert np.median(found) <= 2 * v


def test_runs_of_equals_count_as_one_and_categories_are_measured_too() -> None:
    import pandas as pd

    rng = np.random.default_rng(2)
    runs = np.repeat(rng.choice(list("abc"), 100), 10)
    found = Reference.from_frame(pd.DataFrame({"x": runs})).inflation[0]
    assert 6 <= found <= 30


def test_a_constant_has_no_inflation() -> None:
    assert of(np.ones((100, 1))).inflation[0] == 1.0
