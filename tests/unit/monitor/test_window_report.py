"""What the monitor says of its window: the same as its alerts, and also where there is none."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.events import Alert, Pane, WindowReport, decode, encode
from monitor.engine import Engine
from monitor.plan import KINDS
from monitor.reference import Reference
from monitor.state import EngineState
from monitor.window_report import DESCRIBED, window_report
from tests.invented_panes import CONFIG, REFERENCE, panes, panes_of, stream


def reported(log: list[Pane], reference: Reference = REFERENCE) -> tuple[WindowReport, list[Alert]]:
    """The report after some panes, and the alerts so far."""
    engine, state, alerts = Engine(CONFIG), EngineState(), []
    for pane in log:
        step = engine.step(state, pane, reference)
        state = step.state
        alerts += step.alerts
    plan = engine.plan(reference)
    report = window_report(state, engine.look(state, plan), plan, CONFIG)
    assert decode(WindowReport, encode(report)) == report
    return report, alerts


def test_a_drifting_window_names_the_columns_of_its_alert() -> None:
    both = np.tile([0.0, 2.0, 0.0, 0.0], (150, 1))
    values = stream((400, 0.0), (150, 2.0)) + np.concatenate([np.zeros((400, 4)), both])
    report, alerts = reported(panes(values))
    [fired] = {alert.id: alert for alert in alerts if alert.kind == "data_drift"}.values()
    assert fired.state == "firing"
    assert set(report.drifting) == {column.name for column in fired.columns} == {"a", "b"}
    assert report.drift_share == pytest.approx(2 / 3)
    assert (report.full, report.window.contacts, report.at_contact) == (True, CONFIG.window, 550)
    assert [column.name for column in report.columns][:2] == report.drifting
    assert all(report.strengths[name] >= 1 for name in report.drifting)
    assert report.evidence["data_drift"] >= 1
    assert {shown.column for shown in report.distributions} == {"a", "b", "c", "score"}
    assert report.distributions[0].column == "score"


def test_a_calm_window_has_every_column_below_its_threshold() -> None:
    report, alerts = reported(panes(stream((400, 0.0))))
    assert alerts == []
    assert (report.drifting, report.drift_share) == ([], 0.0)
    assert set(report.strengths) == {"a", "b", "c", "score"}
    assert all(0 <= strength < 1 for strength in report.strengths.values())
    assert all(evidence < 1 for evidence in report.evidence.values())
    strengths = [report.strengths[column.name] for column in report.columns]
    assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize("contacts", [10, 50, 90])
def test_while_the_window_fills_its_tests_do_not_count(contacts: int) -> None:
    report, _ = reported(panes(stream((contacts, 0.0))))
    assert (report.full, report.window.contacts, report.at_contact) == (False, contacts, contacts)
    assert report.drifting == []
    for shown in report.distributions:
        assert sum(shown.current) + sum(now for _, now in shown.aside.values()) == contacts


def test_evidence_may_find_a_drift_before_the_window_is_full() -> None:
    report, alerts = reported(panes(stream((60, 4.0))))
    assert [alert.kind for alert in alerts] == ["data_drift"]
    assert not report.full
    assert report.drifting == ["a"]


def test_a_score_that_drifts_alone_is_no_share_of_the_columns() -> None:
    values = stream((500, 0.0))
    values[400:, 3] += 3.0
    report, alerts = reported(panes(values))
    assert {alert.kind for alert in alerts} == {"prediction_drift"}
    assert (report.drifting, report.drift_share) == (["score"], 0.0)


def test_with_nothing_but_a_score_there_is_a_report_too() -> None:
    reference = Reference.from_features(np.random.default_rng(3).uniform(size=(300, 1)), ["score"], ["score"])
    report, _ = reported(panes(np.random.default_rng(4).uniform(size=(150, 1)), reference=reference), reference)
    assert list(report.strengths) == ["score"]
    assert [shown.column for shown in report.distributions] == ["score"]


def test_of_many_columns_the_strongest_are_described_and_all_are_measured() -> None:
    names = [f"column {n}" for n in range(20)]
    rng = np.random.default_rng(5)
    reference = Reference.from_features(rng.normal(size=(300, 20)), names, names)
    values = rng.normal(size=(300, 20))
    values[150:, 7] += 3.0
    report, _ = reported(panes(values, reference=reference), reference)
    assert len(report.strengths) == 20
    assert len(report.columns) == len(report.distributions) == DESCRIBED
    assert report.columns[0].name == "column 7"


KINDS_OF_COLUMN: dict[str, Any] = {
    "numbers": lambda rng, n: rng.normal(size=n),
    "a constant": lambda rng, n: [7.0] * n,
    "no number": lambda rng, n: [math.nan] * n,
    "half missing": lambda rng, n: np.where(rng.uniform(size=n) < 0.5, math.nan, 1.0),
    "infinite": lambda rng, n: rng.choice([-math.inf, math.inf, 0.0], n),
    "a few infinite": lambda rng, n: np.where(rng.uniform(size=n) < 0.1, math.inf, rng.normal(size=n)),
    "huge": lambda rng, n: rng.uniform(-1, 1, size=n) * 1.7e308,
    "flags": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "words": lambda rng, n: rng.choice(["a", "b", "c"], n),
    "one word": lambda rng, n: ["a"] * n,
    "nothing": lambda rng, n: [None] * n,
    "words and gaps": lambda rng, n: rng.choice(np.array(["a", "b", None], object), n),
}
NAMES = st.sampled_from(sorted(KINDS_OF_COLUMN))


@settings(max_examples=40)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=4), st.integers(0, 99))
def test_whatever_the_columns_hold_a_report_is_of_finite_numbers_and_adds_up(
    kinds: list[tuple[str, str]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    before, now = (
        pd.DataFrame({f"x{place}": KINDS_OF_COLUMN[pair[side]](rng, rows) for place, pair in enumerate(kinds)})
        for side, rows in ((0, 200), (1, 120))
    )
    reference = Reference.from_frame(before, {})
    report, _ = reported(panes_of(reference.encode_frame(now)), reference)
    assert set(report.strengths) == set(before.columns)
    assert all(math.isfinite(strength) and strength >= 0 for strength in report.strengths.values())
    assert set(report.evidence) == set(KINDS)
    assert all(math.isfinite(evidence) for evidence in report.evidence.values())
    assert set(report.drifting) <= set(report.strengths)
    assert len(report.columns) == len(report.distributions) == len(kinds)
    for shown in report.distributions:
        assert sum(shown.reference) + sum(rows for rows, _ in shown.aside.values()) == 200
        assert sum(shown.current) + sum(contacts for _, contacts in shown.aside.values()) == report.window.contacts


def test_a_column_that_is_as_it_always_was_is_described_without_a_change() -> None:
    frame = pd.DataFrame({"x": ["a"] * 200})
    reference = Reference.from_frame(frame)
    report, _ = reported(panes_of(reference.encode_frame(frame.head(120))), reference)
    assert (report.strengths, report.drifting) == ({"x": 0.0}, [])
    assert [column.name for column in report.columns] == ["x"]
