"""References of frames and of features."""

import numpy as np
import pandas as pd
import pytest

from monitor import Reference
from monitor.ks import ks_statistics


def frame(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(40, 10, n)),
            "sector": rng.choice(["a", "b", "rare"], n, p=[0.6, 0.39, 0.01]),
            "active": rng.random(n) < 0.5,
        }
    )


def test_frequent_values_get_a_feature_and_the_others_share_one() -> None:
    marks = [f.name for f in Reference.from_frame(frame(300, 0)).features]
    assert "sector=a" in marks
    assert "sector=(other)" in marks
    assert "sector=rare" not in marks


def test_missing_numbers_are_watched_by_the_same_test_as_the_distribution() -> None:
    reference = Reference.from_frame(frame(1_000, 0))
    emptied = frame(500, 1).assign(age=np.nan)
    statistic = ks_statistics(reference, reference.encode_frame(emptied)).statistic[0]
    assert statistic == pytest.approx(0.8, abs=0.05)


def test_an_unknown_category_counts_as_other() -> None:
    reference = Reference.from_frame(frame(1_000, 0))
    report = ks_statistics(reference, reference.encode_frame(frame(500, 1).assign(sector="new")))
    names = [f.name for f in reference.features]
    assert report.effect[names.index("sector=(other)")] > 0.9


def test_json_round_trip_codes_alike() -> None:
    reference = Reference.from_frame(frame(300, 0))
    again = Reference.from_json(reference.to_json())
    rows = frame(100, 2)
    assert again.id == reference.id
    np.testing.assert_array_equal(again.encode_frame(rows), reference.encode_frame(rows))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="'sector'"):
        Reference.from_frame(frame(300, 0)).encode_frame(frame(10, 1).drop(columns="sector"))


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        Reference.from_frame(frame(300, 0).head(0))
