"""Thresholds: where their laws come from, and that they grow as they should."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.calibration import load_table, quantile, run_law
from monitor.calibration_cache import remembered


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "driftline" / "calibration"


def test_what_was_simulated_once_is_read_from_then_on(cache: Path) -> None:
    assert remembered({"rows": 7}, lambda: (3.0, 4.0)) == (3.0, 4.0)
    assert remembered({"rows": 7}, lambda: pytest.fail("simulated again")) == (3.0, 4.0)
    assert remembered({"rows": 8}, lambda: (5.0,)) == (5.0,)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"about": {"rows": 9}, "law": [1]}', '{"about": {"rows": 7}}'])
def test_a_spoilt_file_of_the_cache_is_simulated_and_written_anew(cache: Path, text: str) -> None:
    remembered({"rows": 7}, lambda: (3.0,))
    (kept,) = cache.iterdir()
    kept.write_text(text)
    assert remembered({"rows": 7}, lambda: (6.0,)) == (6.0,)
    assert remembered({"rows": 7}, lambda: pytest.fail("simulated again")) == (6.0,)


def test_a_cache_that_cannot_be_written_is_none(cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert remembered({"rows": 7}, lambda: (3.0,)) == (3.0,)


def test_a_new_shape_is_simulated_once_on_a_machine(cache: Path) -> None:
    law = run_law.__wrapped__(0.5, 40, 1)
    assert len(list(cache.iterdir())) == 1
    assert run_law.__wrapped__(0.5, 40, 1) == law
    assert law == tuple(sorted(law))


def test_the_shipped_shapes_need_no_simulation(cache: Path) -> None:
    for ratio in (0.2, 0.6, 2.0, 10.0, 100.0):
        run_law.__wrapped__(ratio, 500, 50)
    assert not cache.exists()


@given(st.floats(1e-9, 0.4), st.floats(1e-9, 0.4))
def test_a_smaller_rate_needs_a_higher_statistic(one: float, other: float) -> None:
    law = tuple(load_table()["designs"][0]["quantiles"])
    low, high = sorted((one, other))
    assert quantile(law, low) >= quantile(law, high)
