"""The assessor on a real broker: its state is on the topics, whenever it ends."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from driftline.events import Acknowledgement, Alert, LabelBatch, MonitorState, Pane, decode, encode
from driftline.kafka_clients import last_record, open_producer
from driftline.settings import Settings
from driftline.topics import ALERTS, MONITOR_STATE, PANES, Topic
from monitor.config import EngineConfig, LabelConfig
from monitor.engine import Engine
from monitor.kafka_assessor import SNAPSHOT_EVERY, Assessor
from monitor.performance import Performance
from monitor.state import EngineState, Window
from tests.invented_panes import CONFIG, REFERENCE, START, panes, stream
from tests.labelled_streams import Watched, none, seniority_turned

LOG = panes(stream((1_200, 0.0), (300, 2.0), (300, 0.0)))


def send(settings: Settings, topic: Topic, *events: Alert | Pane | LabelBatch | Acknowledgement | MonitorState) -> None:
    producer = open_producer(settings)
    for event in events:
        producer.send(settings.topic(topic.name), key=b"k", value=encode(event), partition=0)
    producer.close()


@pytest.fixture
def assess(settings: Settings) -> Callable[..., list[Alert]]:
    """Assess panes of the log as the worker does; what it publishes. ``killed`` after so many publications."""
    send(settings, PANES, *LOG)

    def run(begin: int, end: int, config: EngineConfig = CONFIG, killed: int = 999) -> list[Alert]:
        assessor = Assessor(settings, Engine(config), lambda _: REFERENCE)
        told: list[Alert] = []
        for offset in range(begin, end):
            alerts = assessor.catch_up(offset) if assessor.is_behind(offset) else []
            alerts += assessor.fold(offset, LOG[offset])
            if len(told) + len(alerts) > killed:
                return told
            send(settings, ALERTS, *alerts)
            told += alerts
            snapshot = assessor.snapshot(now=bool(alerts))
            if snapshot is not None:
                send(settings, MONITOR_STATE, snapshot)
        return told

    return run


def changes(alerts: list[Alert]) -> list[tuple[str, str, str, int]]:
    return [(alert.id, alert.state, alert.level, alert.at_contact) for alert in alerts]


def fold_all() -> list[Alert]:
    state = EngineState()
    alerts: list[Alert] = []
    for pane in LOG:
        step = Engine(CONFIG).step(state, pane, REFERENCE)
        state, alerts = step.state, alerts + step.alerts
    return alerts


@pytest.fixture(scope="module")
def expected() -> list[tuple[str, str, str, int]]:
    alerts = fold_all()
    assert [alert.state for alert in alerts] == ["firing", "firing", "resolved"]
    return changes(alerts)


@pytest.mark.parametrize("cut", [5, SNAPSHOT_EVERY + 3, 124, 127, 150])
def test_an_assessor_that_takes_over_goes_on_where_the_last_one_stood(
    assess: Callable[..., list[Alert]], expected: list[tuple[str, str, str, int]], cut: int
) -> None:
    told = assess(0, cut) + assess(cut, len(LOG))
    assert changes(told) == expected


@pytest.mark.parametrize("killed", [0, 1, 2])
def test_an_alert_that_was_not_published_before_the_kill_is_afterwards_and_once(
    assess: Callable[..., list[Alert]], expected: list[tuple[str, str, str, int]], killed: int
) -> None:
    told = assess(0, len(LOG), killed=killed) + assess(100, len(LOG))
    assert changes(told) == expected


def test_other_settings_decide_on_what_comes_and_not_again_on_what_was(assess: Callable[..., list[Alert]]) -> None:
    before = assess(0, 130)
    assert [alert.state for alert in before] == ["firing"]
    after = assess(130, len(LOG), config=replace(CONFIG, window=50))
    assert after[-1].state == "resolved"
    assert {alert.id for alert in after} == {before[0].id}


def test_a_snapshot_of_the_largest_window_gets_through_and_back(settings: Settings) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2_000, (50_000, 60)).astype(np.uint16)
    codes[:, 20:] %= 3  # some twenty numbers, and flags
    places = np.column_stack([np.zeros(50_000, np.int64), np.arange(50_000)])
    state = EngineState(window=Window(codes, places, places[:, 1] * 1_000))
    send(settings, MONITOR_STATE, MonitorState(next_offset=1, config={}, state=state.to_json()))
    record = last_record(settings, MONITOR_STATE)
    assert record is not None
    kept = EngineState.from_json(decode(MonitorState, record.value).state)
    np.testing.assert_array_equal(kept.window.codes, codes)
    np.testing.assert_array_equal(kept.window.places, places)


def test_an_acknowledgement_between_the_panes_counts_after_a_restart_too(settings: Settings) -> None:
    fired = fold_all()[0]
    accepted = Acknowledgement(
        alert_id=fired.id, kind=fired.kind, columns=["a"], reference_id=fired.reference.id, at=START
    )  # fmt: skip
    log: list[Pane | Acknowledgement] = [*LOG[:130], accepted, *LOG[130:]]
    send(settings, PANES, *log)
    assessor = Assessor(settings, Engine(CONFIG), lambda _: REFERENCE)
    told = assessor.catch_up(len(log) - 1) + assessor.fold(len(log) - 1, LOG[-1])
    assert [(alert.state, alert.acknowledged_at) for alert in told] == [("firing", None), ("resolved", START)]
    send(settings, ALERTS, *told)
    again = Assessor(settings, Engine(CONFIG), lambda _: REFERENCE)
    assert again.catch_up(len(log)) == []


def test_a_record_that_is_no_pane_is_left_out_whoever_reads_over_it(
    settings: Settings, expected: list[tuple[str, str, str, int]]
) -> None:
    with_foreign = [encode(pane) for pane in LOG[:100]] + [b"no pane"] + [encode(pane) for pane in LOG[100:]]
    producer = open_producer(settings)
    for value in with_foreign:
        producer.send(settings.topic(PANES.name), value=value, partition=0)
    producer.close()
    assessor = Assessor(settings, Engine(CONFIG), lambda _: REFERENCE)
    alerts = assessor.catch_up(99) + assessor.fold(99, LOG[99])
    # The worker makes a dead letter of the record at 100 and goes on with the next pane.
    assert assessor.is_behind(101)
    alerts += assessor.catch_up(101)
    for offset in range(101, len(with_foreign)):
        assert not assessor.is_behind(offset)
        alerts += assessor.fold(offset, LOG[offset - 1])
    assert changes(alerts) == expected


def test_the_runbook_is_where_the_setting_says(settings: Settings) -> None:
    send(settings, PANES, *LOG)
    elsewhere = settings.model_copy(update={"runbook_url": "https://docs.example.com/guide"})
    links = {}
    for name, chosen in (("unset", settings), ("set", elsewhere)):
        told = Assessor(chosen, Engine(CONFIG), lambda _: REFERENCE).catch_up(len(LOG))
        links[name] = {alert.runbook for alert in told}
    assert links == {
        "unset": {"http://127.0.0.1:28090/monitoring.html#data_drift"},
        "set": {"https://docs.example.com/guide#data_drift"},
    }


@pytest.mark.parametrize("cut", [3, SNAPSHOT_EVERY + 3, 150, 260])
def test_labels_lead_to_the_same_alerts_wherever_an_assessor_takes_over(settings: Settings, cut: int) -> None:
    watched = Watched.trained(0, 1_000)
    config = LabelConfig(window=300, new_labels=600)
    log = list(watched.stream(3, (400, none), (1_000, seniority_turned), (800, none)))
    log.insert(60, log.pop(6))  # a pane that lags behind its labels
    send(settings, PANES, *log)
    told: list[Alert] = []
    for begin, end in ((0, cut), (cut, len(log))):
        performance = Performance(config, lambda _: watched.champion)
        assessor = Assessor(settings, Engine(CONFIG), lambda _: watched.champion.reference, performance)
        for offset in range(begin, end):
            alerts = assessor.catch_up(offset) if assessor.is_behind(offset) else []
            alerts += assessor.fold(offset, log[offset])
            send(settings, ALERTS, *alerts)
            told += alerts
            if (snapshot := assessor.snapshot(now=bool(alerts))) is not None:
                send(settings, MONITOR_STATE, snapshot)
    whole = Performance(config, lambda _: watched.champion)
    expected = [alert for event in log for alert in _fold(whole, event)]
    assert {alert.kind for alert in expected} == {"concept_drift", "performance"}
    by_labels = [alert for alert in told if alert.kind in ("concept_drift", "performance")]
    assert [encode(alert) for alert in by_labels] == [encode(alert) for alert in expected]
    assert performance.account() == whole.account()


def _fold(performance: Performance, event: Pane | LabelBatch) -> list[Alert]:
    return performance.pane(event) if isinstance(event, Pane) else performance.labels(event)
