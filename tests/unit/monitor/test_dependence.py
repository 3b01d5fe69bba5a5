"""Serial dependence is measured, and independent contacts are not taken for dependent ones."""

from itertools import permutations

import numpy as np
import pytest

from monitor import Reference
from monitor.dependence import comes_in_runs, nearness


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


def in_runs(values: np.ndarray, partitions: np.ndarray | None = None) -> bool:
    """Whether they come in runs, against a reference of independent numbers."""
    reference = of(np.random.default_rng(3).normal(size=(1_000, values.shape[1])))
    one = np.zeros(len(values), np.int64)
    return comes_in_runs(reference.encode(values), reference.features, one if partitions is None else partitions)


def test_runs_of_alike_contacts_are_seen_where_they_fill_half_of_the_window() -> None:
    rng = np.random.default_rng(4)
    runs, apart = np.repeat(rng.normal(size=(50, 10)), 10, axis=0), rng.normal(size=(500, 10))
    assert in_runs(runs)
    assert in_runs(np.concatenate([runs[:250], apart[250:]]))
    assert not in_runs(np.concatenate([runs[:180], apart[180:]]))
    assert not in_runs(apart)
    assert not in_runs(rng.permutation(runs))


@pytest.mark.parametrize("contacts", [0, 1, 15, 40])
def test_of_a_few_contacts_it_is_not_said(contacts: int) -> None:
    assert not in_runs(np.repeat(np.random.default_rng(5).normal(size=(8, 10)), 5, axis=0)[:contacts])


def test_contacts_that_are_all_equal_are_one_level_and_no_runs() -> None:
    assert not in_runs(np.full((500, 10), 0.3))


def test_levels_that_change_twice_are_no_runs() -> None:
    values = np.random.default_rng(6).normal(size=(500, 10))
    values[170:330] += 3.0
    assert not in_runs(values)


def test_a_change_that_each_partition_has_for_itself_is_no_run() -> None:
    rng = np.random.default_rng(7)
    partitions = np.repeat(np.arange(8), 50)
    values = rng.normal(size=(400, 10))
    values[np.tile(np.arange(50) >= 26, 8)] += 3.0
    assert in_runs(values)
    assert not in_runs(values, partitions)


def test_runs_within_each_partition_are_seen_however_its_contacts_lie_between_those_of_others() -> None:
    runs = np.repeat(np.random.default_rng(9).normal(size=(80, 10)), 5, axis=0)
    apart = runs.reshape(8, 50, 10).swapaxes(0, 1).reshape(400, 10)
    assert in_runs(apart, np.tile(np.arange(8), 50))
    assert not in_runs(apart)


def test_nearness_has_mean_0_and_variance_1_over_all_orders() -> None:
    values = np.random.default_rng(8).exponential(size=(7, 2))
    orders = values[list(permutations(range(7)))]
    found = nearness(-np.abs(orders[:, :, None] - orders[:, None]).sum(axis=3))
    assert found.mean() == pytest.approx(0.0, abs=1e-9)
    assert found.var() == pytest.approx(1.0)
