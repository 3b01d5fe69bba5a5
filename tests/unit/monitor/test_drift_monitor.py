"""The engine for Python: any rows in, alerts out, the same however they are cut."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.events import Alert, decode, encode
from monitor import DriftMonitor, Reference


def frame(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "quality": rng.normal(60, 15, n).round(1),
            "founded": np.where(rng.random(n) < 0.1, np.nan, rng.integers(1950, 2024, n)),
            "seniority": rng.choice(["Mid", "Senior", "Executive"], n, p=[0.5, 0.35, 0.15]),
            "companysize": rng.choice(SIZES, n, p=[0.3, 0.4, 0.3]),
            "remote": rng.random(n) < 0.4,
        }
    )


SIZES = ["2-10", "11-50", "51-200"]
REFERENCE = Reference.from_frame(frame(np.random.default_rng(0), 600))


def monitor(**changed: Any) -> DriftMonitor:
    return DriftMonitor(REFERENCE, **{"window": 100, "pane": 10, "horizon": 5_000} | changed)


def drifting(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = frame(rng, 900)
    rows.loc[300:599, "quality"] += 30
    return rows


def as_bytes(alerts: Sequence[Alert]) -> list[bytes]:
    return [msgspec.json.encode(alert) for alert in alerts]


WHOLE = monitor().update(drifting())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.booleans())
def test_one_call_or_a_thousand_and_a_restart_between_any_two_make_no_difference(cuts: list[int], again: bool) -> None:
    rows, mine, alerts, begin = drifting(), monitor(), [], 0
    for size in [*cuts, len(rows)]:
        alerts += mine.update(rows.iloc[begin : begin + size])
        begin += size
        if again:
            mine = DriftMonitor.restore(json.loads(json.dumps(mine.state())))
    assert as_bytes(alerts) == as_bytes(WHOLE)


def test_row_by_row_is_the_same_and_tells_at_the_very_row() -> None:
    rows, mine, told = drifting(), monitor(), []
    for row in range(len(rows)):
        told += [(row + 1, alert) for alert in mine.update(rows.iloc[row : row + 1])]
    assert as_bytes([alert for _, alert in told]) == as_bytes(WHOLE)
    assert all(alert.at_contact == row for row, alert in told)


def test_an_episode_is_one_alert_that_fires_gets_graver_and_resolves() -> None:
    assert (WHOLE[0].kind, WHOLE[0].state) == ("data_drift", "firing")
    assert 300 < WHOLE[0].at_contact <= 330
    assert len({a.id for a in WHOLE}) == 1
    assert WHOLE[-1].state == "resolved"
    assert 600 < WHOLE[-1].at_contact <= 900


def test_an_alert_says_what_changed() -> None:
    column = WHOLE[0].columns[0]
    assert (column.name, column.test, column.direction) == ("quality", "sequential", "higher")
    assert column.cause.startswith("median up from ")
    assert column.statistic >= column.threshold
    graver = next(a for a in WHOLE if a.level == "retrain").columns[0]
    assert graver.test == "ks"
    assert graver.statistic >= graver.threshold
    assert graver.p_value is not None
    assert graver.p_value < 1e-6
    assert graver.effect == pytest.approx(graver.statistic, abs=0.1)


def test_a_changed_format_is_a_matter_of_quality_and_of_distribution() -> None:
    rng = np.random.default_rng(2)
    rows = frame(rng, 300)
    rows["companysize"] = [str(n) for n in rng.integers(2, 500, 300)]
    alerts = {alert.kind: alert for alert in reversed(monitor().update(rows))}
    assert alerts["data_quality"].columns[0].name == "companysize"
    assert alerts["data_quality"].columns[0].cause.startswith("numbers among text, share up from 0.00 to ")
    assert "data_drift" in alerts


def test_missing_values_are_a_matter_of_quality() -> None:
    rng = np.random.default_rng(3)
    alert = monitor().update(frame(rng, 300).assign(founded=np.nan))[0]
    assert (alert.kind, alert.columns[0].name) == ("data_quality", "founded")
    assert alert.columns[0].cause == "missing value share up from 0.10 to 1.00"


def test_every_test_of_the_window_is_in_the_statistics_with_what_it_says() -> None:
    mine = monitor()
    mine.update(drifting().head(450))
    table = mine.statistics()
    assert list(table.columns) == ["column", "test", "statistic", "threshold", "p_value", "effect", "note"]
    assert set(table["test"]) == {"ks", "frequency", "unseen", "missing", "type"}
    ks = table[(table["column"] == "quality") & (table["test"] == "ks")].iloc[0]
    assert ks["statistic"] > ks["threshold"]
    assert ks["note"].startswith("median up from ")


def test_an_acknowledged_change_raises_no_alert_again_in_a_restored_monitor_either() -> None:
    mine, rows = monitor(), drifting()
    (fired, *_) = mine.update(rows.head(450))
    (ended,) = mine.acknowledge(fired.id)
    assert (ended.id, ended.state, ended.acknowledged_at) == (fired.id, "resolved", ended.updated_at)
    again = DriftMonitor.restore(json.loads(json.dumps(mine.state())))
    assert again.update(rows.iloc[450:]) == []
    with pytest.raises(ValueError, match=f"no alert {fired.id} fires: none does"):
        again.acknowledge(fired.id)


def test_a_shift_in_the_one_hots_of_a_column_is_one_line() -> None:
    def one_hots(seed: int, sizes: list[float]) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = pd.DataFrame(
            {"age": rng.normal(size=800), "size": rng.choice(["2-10", "11-50", "51-200"], 800, p=sizes)}
        )
        return pd.get_dummies(rows, dtype=int)

    mine = DriftMonitor(Reference.from_frame(one_hots(0, [0.5, 0.3, 0.2])))
    alert = mine.update(one_hots(1, [0.1, 0.3, 0.6]))[-1]
    assert [column.name for column in alert.columns] == ["size"]
    assert set(alert.columns[0].features) >= {"size_2-10", "size_51-200"}
    assert alert.drift_share == 0.5


def test_alerts_of_a_glaring_drift_that_lasts_can_be_read_back() -> None:
    rng = np.random.default_rng(5)
    mine = monitor()
    alerts = mine.update(frame(rng, 300)) + mine.update(frame(rng, 600).assign(seniority="new", companysize="77"))
    alerts += mine.update(frame(rng, 600).assign(seniority="new", companysize="77", quality=900.0, founded=None))
    assert len(alerts) >= 4
    for alert in alerts:
        assert decode(Alert, encode(alert)) == alert


def test_a_given_time_is_that_of_the_alerts() -> None:
    at = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    assert {alert.updated_at for alert in monitor().update(drifting(), at=at)} == {at}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"window": 1}, "window is 1"),
        ({"pane": 0}, "pane is 0"),
        ({"pane": 101}, "pane is 101: it needs 1 to 100"),
        ({"false_alarm_rate": 0.0}, "false_alarm_rate is 0.0"),
        ({"false_alarm_rate": 1.0}, "false_alarm_rate is 1.0"),
        ({"horizon": 0}, "horizon is 0"),
    ],
)
def test_a_parameter_out_of_its_range_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        monitor(**changed)


def test_no_rows_change_nothing() -> None:
    mine = monitor()
    assert mine.update(drifting().head(0)) == []
    assert mine.statistics().empty


@pytest.mark.parametrize(
    ("column", "drifted"),
    [
        ([5.0] * 100, [5.0, 6.0] * 50),
        ([None] * 100, [1.0] * 100),
        ([np.inf, -np.inf] * 50, [np.inf] * 100),
        (["é", "😀"] * 50, ["é"] * 100),
        ([True, False] * 50, [True] * 100),
        ([f"u{n}" for n in range(100)], [None] * 100),
    ],
    ids=["constant", "all missing", "infinities", "unicode", "bool", "all different"],
)
def test_odd_columns_are_watched_too(column: list[Any], drifted: list[Any]) -> None:
    reference = Reference.from_frame(pd.DataFrame({"x": column}))
    mine = DriftMonitor(reference, window=50, pane=10, horizon=1_000)
    calm = pd.DataFrame({"x": column}).sample(frac=1.0, random_state=1)
    if calm["x"].is_unique:  # then new contacts bring new values
        calm["x"] = "new " + calm["x"]
    assert mine.update(calm) == []
    assert mine.update(pd.DataFrame({"x": drifted}))


def test_a_reference_of_one_row_gives_no_promise_and_says_why() -> None:
    mine = DriftMonitor(Reference.from_frame(pd.DataFrame({"x": [1.0], "y": ["a"]})), window=50, pane=10)
    assert mine.promise.why == "the reference has 1 rows, fewer than the 30 that a promise needs"
    assert mine.update(pd.DataFrame({"x": np.arange(100.0), "y": "b"})) is not None


def test_ten_thousand_columns_are_watched() -> None:
    rng = np.random.default_rng(4)
    wide = pd.DataFrame(rng.normal(size=(60, 10_000)), columns=[f"c{j}" for j in range(10_000)])
    mine = DriftMonitor(Reference.from_frame(wide), window=20, pane=10)
    (first, *_) = mine.update(wide.head(20) + 100)
    assert first.drift_share > 0


def test_a_column_without_values_is_listed_with_the_reason() -> None:
    reference = Reference.from_frame(pd.DataFrame({"x": [None] * 50, "id": [f"u{n}" for n in range(50)]}))
    assert set(reference.untested) == {"x", "id"}


def test_a_state_of_other_statistics_is_refused() -> None:
    state = monitor().state()
    state["engine"]["format"] = 1
    with pytest.raises(ValueError, match="format 1, not 3: start a new monitor"):
        DriftMonitor.restore(state)
