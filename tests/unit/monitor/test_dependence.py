"""Serial dependence is measured, and independent contacts are not taken for dependent ones."""

import numpy as np
import pytest

from monitor import Reference


def of(values: np.ndarray) -> Reference:
    names = [str(j) for j in range(values.shape[1])]
    return Reference.from_features(values, names, names)


@pytest.mark.parametrize("rows", [100, 1_000])
def test_independent_contacts_have_no_inflation(rows: int) -> None:
    rng = np.random.default_rng(0)
    rates = np.linspace(0.01, 0.5, 10)

    def reference() -> Reference:
        flags = (rng.random((rows, 10)) < rates).astype(float)
        return of(np.column_stack([rng.normal(size=(rows, 10)), flags, rng.poisson(1.0, (rows, 5))]))

    dependent = sum((reference().inflation > 1).any() for _ in range(60))
    assert dependent <= 2  # P ≤ 0.001 each, somewhat more where few values meet


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
