"""The fold over panes."""

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from driftline.events import Acknowledgement, Alert, Pane
from monitor.engine import Engine
from monitor.state import EngineState
from tests.invented_panes import CONFIG, MOVED, REFERENCE, START, panes, stream


def fold(log: list[Pane], state: EngineState | None = None) -> tuple[EngineState, list[Alert]]:
    engine, state, alerts = Engine(CONFIG), state or EngineState(), []
    for pane in log:
        step = engine.step(state, pane, MOVED if pane.model_version == "2" else REFERENCE)
        state = step.state
        alerts += step.alerts
    return state, alerts


def test_a_calm_stream_raises_nothing_and_a_shift_fires_lasts_and_resolves() -> None:
    _, alerts = fold(panes(stream((500, 0.0), (250, 2.0), (400, 0.0))))
    assert [(a.state, a.level) for a in alerts] == [
        ("firing", "investigate"), ("firing", "retrain"), ("resolved", "retrain"),
    ]  # fmt: skip
    assert len({a.id for a in alerts}) == 1
    assert alerts[0].columns[0].name == "a"
    assert 500 < alerts[0].at_contact <= 600
    assert 0 <= alerts[1].at_contact - (alerts[0].at_contact + CONFIG.window) < CONFIG.pane
    assert 750 < alerts[2].at_contact <= 750 + 2 * CONFIG.window
    assert alerts[2].resolved_at is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 80), max_size=30), st.booleans())
def test_repeated_panes_change_nothing(repeats: list[int], late: bool) -> None:
    log = panes(stream((400, 0.0), (300, 2.0)))
    again = list(log)
    for place in sorted(set(repeats), reverse=True):
        if place < len(log):
            again.insert(len(again) if late else place + 1, log[place])
    assert fold(again)[1] == fold(log)[1]
    assert fold(again)[0].monitored == 700


@pytest.mark.parametrize("size", [1, 7, 10, 25, 64])
def test_alerts_fire_at_the_same_contacts_however_the_panes_are_cut(size: int) -> None:
    values = stream((400, 0.0), (300, 2.0), (300, 0.0))
    expected = [(a.state, a.level, a.at_contact, a.columns, a.window) for a in fold(panes(values))[1]]
    assert [(a.state, a.level, a.at_contact, a.columns, a.window) for a in fold(panes(values, size))[1]] == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 69))
def test_a_state_that_went_through_json_goes_on_identically(cut: int) -> None:
    log = panes(stream((400, 0.0), (300, 2.0)))
    state, before = fold(log[:cut])
    restored = EngineState.from_json(json.loads(json.dumps(state.to_json())))
    _, after = fold(log[cut:], restored)
    assert [msgspec.json.encode(a) for a in before + after] == [msgspec.json.encode(a) for a in fold(log)[1]]


def test_a_partial_pane_is_counted_but_never_tested() -> None:
    log = panes(stream((400, 0.0), (300, 2.0)))
    with_partials = []
    for pane in log:
        with_partials += [msgspec.structs.replace(pane, complete=False, contacts=3), pane]
    assert fold(with_partials)[1] == fold(log)[1]
    half_way, _ = fold(with_partials[:3])
    assert half_way.monitored == 13


def test_after_a_promotion_the_alert_resolves_against_the_new_reference() -> None:
    drifted = panes(stream((300, 0.0), (150, 3.0)))
    _, fired = fold(drifted)
    assert fired[-1].state == "firing"
    rng = np.random.default_rng(8)
    fitting = panes(rng.normal(3, size=(100, 4)), version="2", reference=MOVED, first=450)
    _, alerts = fold(drifted + fitting)
    assert (alerts[-1].state, alerts[-1].id, alerts[-1].at_contact) == ("resolved", fired[0].id, 550)


def test_a_late_pane_of_the_replaced_model_is_counted_and_not_tested() -> None:
    calm = panes(stream((300, 0.0)))
    new = panes(np.random.default_rng(8).normal(3, size=(50, 4)), version="2", reference=MOVED, first=300)
    late = msgspec.structs.replace(calm[-1], partition=1)
    state, alerts = fold([*calm, *new, late])
    assert (state.version, state.monitored, alerts) == ("2", 360, [])


def test_calm_contacts_that_a_lagging_partition_brings_late_resolve_nothing() -> None:
    drifted = panes(stream((400, 0.0), (200, 2.0)))
    _, before = fold(drifted)
    assert before[-1].state == "firing"
    lagging = [msgspec.structs.replace(pane, partition=1) for pane in panes(stream((300, 0.0)))]
    assert fold([*drifted, *lagging])[1] == before
    later = [msgspec.structs.replace(pane, partition=1) for pane in panes(stream((300, 0.0)), first=700)]
    assert fold([*drifted, *later])[1][-1].state == "resolved"


def accepted(log: list[Pane]) -> tuple[EngineState, Alert, list[Alert]]:
    """The state after the change that the log's alert is about has been accepted."""
    state, alerts = fold(log)
    step = Engine(CONFIG).acknowledge(state, Acknowledgement.of(alerts[-1], START), REFERENCE)
    return EngineState.from_json(json.loads(json.dumps(step.state.to_json()))), alerts[-1], step.alerts


def test_an_accepted_change_is_over_and_raises_no_alert_again() -> None:
    values = stream((400, 0.0), (200, 2.0), (300, 0.0), (300, 2.0))
    state, fired, ended = accepted(panes(values[:600]))
    assert [(a.id, a.state, a.acknowledged_at) for a in ended] == [(fired.id, "resolved", START)]
    later, alerts = fold(panes(values[600:], first=600), state)
    assert alerts == []
    assert later.accepted == {"data_drift": ("a",)}
    assert len(fold(panes(values))[1]) > len(fold(panes(values[:600]))[1]) + 1


def test_what_else_drifts_beside_an_accepted_change_is_told() -> None:
    state, _, _ = accepted(panes(stream((400, 0.0), (200, 2.0))))
    more = stream((300, 2.0)) + np.array([0.0, 2.0, 0.0, 2.0])
    _, alerts = fold(panes(more, first=600), state)
    fired = {alert.kind: alert for alert in reversed(alerts)}
    assert [column.name for column in fired["data_drift"].columns] == ["b"]
    assert [column.name for column in fired["prediction_drift"].columns] == ["score"]
    assert fired["data_drift"].drift_share == pytest.approx(1 / 3)


def test_an_acknowledgement_counts_until_the_reference_changes() -> None:
    state, alert, _ = accepted(panes(stream((400, 0.0), (200, 2.0))))
    state, _ = fold(panes(np.random.default_rng(8).normal(3, size=(300, 4)), 10, "2", MOVED, 600), state)
    assert state.accepted == {}
    assert Engine(CONFIG).acknowledge(state, Acknowledgement.of(alert, START), MOVED).state == state


def test_an_alert_that_is_about_more_than_what_is_accepted_goes_on() -> None:
    both = stream((400, 0.0), (200, 2.0)) + np.concatenate([np.zeros((400, 4)), np.tile([0.0, 2.0, 0, 0], (200, 1))])
    state, alerts = fold(panes(both))
    assert {column.name for column in alerts[-1].columns} == {"a", "b"}
    earlier = msgspec.structs.replace(Acknowledgement.of(alerts[-1], START), alert_id="another", columns=["b"])
    step = Engine(CONFIG).acknowledge(state, earlier, REFERENCE)
    assert step.alerts == []
    held = step.state.firing["data_drift"]
    assert {REFERENCE.features[feature].name for feature, _ in held.tests} == {"a"}


def test_old_evidence_that_the_window_does_not_confirm_neither_fires_nor_costs_a_look_at_every_contact() -> None:
    calm = np.tile(ndtri((np.arange(400) * 37 % 100 + 0.5) / 100).reshape(-1, 1), 4)
    state, alerts = fold(panes(calm[:200]))
    assert alerts == []
    assert state.evidence is not None
    evidence = state.evidence
    old = replace(evidence, sums=evidence.sums + 1e99, products=evidence.products + 1e99, ages=evidence.ages + 10_000)
    engine, state = Engine(CONFIG), replace(state, evidence=old)
    for pane in panes(calm[200:], first=200):
        step = engine.step(state, pane, REFERENCE)
        state = step.state
        assert (len(step.reports), step.alerts) == (1, [])
    assert step.reports[0].look.totals.max() > engine.plan(REFERENCE).thresholds.evidence
