"""The fold over panes and labels: concept drift, and the rules."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.events import Acknowledgement, Alert, LabelBatch, Pane
from monitor.config import LabelConfig
from monitor.performance import Performance
from tests.labelled_streams import START, TEST_ALONE, Ints, Watched, labels, labels_flipped, none, seniority_turned

CONFIG = replace(TEST_ALONE, window=300)
RULES = LabelConfig(window=300)
Log = list[Pane | LabelBatch]


@cache
def champion() -> Watched:
    return Watched.trained(0, 1_000)


@cache
def drifting_log() -> Log:
    """The relation is turned for half of the segments after 400 contacts, for 1,000 contacts."""
    return list(champion().stream(3, (400, none), (1_000, seniority_turned), (800, none)))


@pytest.fixture
def watched() -> Watched:
    return champion()


@pytest.fixture
def drifting() -> Log:
    return drifting_log()


def performance(watched: Watched, config: LabelConfig = CONFIG) -> Performance:
    made = {version: replace(watched.champion, version=version) for version in ("1", "2")}
    return Performance(config, made.__getitem__)


def fold(made: Performance, log: Log) -> list[Alert]:
    return [
        alert for event in log for alert in (made.pane(event) if isinstance(event, Pane) else made.labels(event))
    ]  # fmt: skip


def changes(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.columns[0].name, alert.state, alert.level) for alert in alerts]


def some(share: float, contacts: int = 300) -> Ints:
    """Labels of which a share says engaged, spread evenly."""
    made: Ints = np.diff(np.floor(np.arange(contacts + 1) * share + 1e-9)).astype(np.int64)
    return made


def outcomes(watched: Watched, *stretches: Ints, version: str = "1", first: int = 0) -> Log:
    """Contacts in panes of 50, each followed by its labels."""
    log: Log = []
    for begin, engaged in enumerate(np.concatenate(stretches).reshape(-1, 50)):
        at = first + 50 * begin
        log += [watched.pane(at, np.arange(at, at + 50) % len(watched.scores), version), labels(at, engaged)]
    return log


def test_a_turned_relation_fires_lasts_and_is_over(watched: Watched, drifting: Log) -> None:
    alerts = fold(performance(watched), drifting)
    assert changes(alerts) == [
        ("score", "firing", "alert"), ("score", "firing", "retrain"), ("score", "resolved", "retrain"),
    ]  # fmt: skip
    assert len({alert.id for alert in alerts}) == 1
    fired, lasted, over = alerts
    assert 400 < fired.at_contact <= 800
    assert 0 <= lasted.at_contact - fired.at_contact - CONFIG.window < 50
    assert 1_400 < over.at_contact <= 1_400 + 2 * CONFIG.window
    assert over.resolved_at == over.updated_at


def test_labels_that_are_late_for_contacts_from_before_the_drift_resolve_nothing(watched: Watched) -> None:
    alone = watched.alerts(3, (1_000, none), (2_000, seniority_turned))[0][0] - 1_000
    lasting = alone // 50 * 50 + 150  # half a window more than it takes
    log = list(watched.stream(3, (1_000, none), (lasting, seniority_turned), (2 * CONFIG.window, none)))
    calm = 2 * CONFIG.window // 50 * 6  # a pane of 50 and its five batches of labels
    late = [event for event in log if isinstance(event, LabelBatch) and event.offsets[0] < 500]
    made = performance(watched)
    assert changes(fold(made, [event for event in log[:-calm] if event not in late])) == [("score", "firing", "alert")]
    at_last: Log = [msgspec.structs.replace(batch, partition=1) for batch in late]
    assert changes(fold(made, at_last)) == [("score", "firing", "retrain")]
    assert changes(fold(made, log[-calm:])) == [("score", "resolved", "retrain")]


def test_an_alert_of_concept_drift_says_what_changed_since_when_and_for_whom(watched: Watched, drifting: Log) -> None:
    fired = fold(performance(watched), drifting)[0]
    column = fired.columns[0]
    assert (fired.kind, column.name, column.test) == ("concept_drift", "score", "sequential")
    assert column.statistic >= column.threshold
    assert column.effect > 0
    assert column.cause.startswith("log-loss up from")
    assert "where the scores said" in column.cause
    assert abs((fired.started_at - START).total_seconds() / 60 - 400) < 150
    assert fired.window.contacts == 300
    assert 0 <= fired.at_contact - 1 - fired.window.last["0"] < 50
    assert fired.window.last["0"] - fired.window.first["0"] == 299
    assert fired.promise.holds
    assert (fired.promise.false_alarm_rate, fired.promise.horizon) == (0.05, 5_000)
    assert fired.runbook.endswith("#concept_drift")


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(0, 264), late=st.booleans())
def test_a_restart_gives_identical_alerts(cut: int, late: bool) -> None:
    watched, drifting, config = champion(), drifting_log(), replace(RULES, window=300)
    log = [*drifting[:7], *drifting[8:40], drifting[7], *drifting[40:]] if late else drifting  # a pane that lags
    before = performance(watched, config)
    told = fold(before, log[:cut])
    state = json.loads(json.dumps(before.to_json()))
    after = performance(watched, config)
    for event in log[:cut]:
        after.remember(event, state["join"]["version"])
    after.go_on_from(state)
    assert after.account() == before.account()
    told += fold(after, log[cut:])
    expected = fold(performance(watched, config), log)
    assert [msgspec.json.encode(alert) for alert in told] == [msgspec.json.encode(alert) for alert in expected]
    assert {alert.kind for alert in expected} == {"concept_drift", "performance"}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 263), max_size=10))
def test_what_comes_again_changes_nothing(repeats: list[int]) -> None:
    watched, drifting = champion(), drifting_log()
    again = list(drifting)
    for place in sorted(set(repeats), reverse=True):
        again.insert(place + 20, drifting[place])
    assert fold(performance(watched), again) == fold(performance(watched), drifting)


def test_contradictory_labels_of_anybody_raise_nothing_and_are_counted(watched: Watched) -> None:
    log = list(watched.stream(3, (600, none)))
    made = performance(watched)
    assert fold(made, log) == []
    contrary: Log = [
        labels(event.offsets[0], 1 - np.array(event.engaged), at=600 + event.offsets[0])
        for event in log
        if isinstance(event, LabelBatch)
    ]
    assert fold(made, contrary) == []
    assert fold(made, [labels(90_000, some(0.5), at=1_200)]) == []
    account = made.account()
    assert (account.contacts, account.joined, account.changed, account.waiting) == (600, 600, 600, 300)
    assert account.median_delay_seconds == 7_200.0
    assert account.without_label == 0.0


def test_contacts_without_a_label_are_told(watched: Watched) -> None:
    made = performance(watched)
    fold(made, [event for event in watched.stream(3, (500, none)) if isinstance(event, Pane) or event.offsets[0] % 50])
    account = made.account()
    assert (account.contacts, account.joined) == (500, 400)
    assert account.without_label == pytest.approx(0.2)


def test_a_new_champion_ends_all_alerts_and_is_judged_by_its_own_contacts(watched: Watched, drifting: Log) -> None:
    made = performance(watched, replace(RULES, new_labels=690))
    told = fold(made, drifting[:84])
    assert changes(told) == [("score", "firing", "alert"), ("labels", "firing", "retrain")]
    promoted = watched.pane(2_000, np.arange(50), version="2")
    ended = fold(made, [promoted])
    assert changes(ended) == [("score", "resolved", "alert"), ("labels", "resolved", "retrain")]
    assert {alert.id for alert in ended} == {alert.id for alert in told}
    assert "Model version 2 has taken over" in ended[0].summary
    unlabelled = watched.pane(2_050, np.arange(50), version="1", since=START - timedelta(days=1))
    assert (
        fold(made, [unlabelled, labels(2_050, some(0.5, 50), at=5_000), labels(2_000, some(0.5, 50), at=5_050)]) == []
    )
    account = made.account()
    assert (account.contacts, account.joined, account.former) == (50, 50, 50)


def test_low_engagement_asks_for_a_model_and_is_over_with_some_distance(watched: Watched) -> None:
    made = performance(watched, replace(RULES, new_labels=0))
    assert [a for a in fold(made, outcomes(watched, some(0.05, 150))) if a.kind == "business"] == []
    fired = [alert for alert in fold(made, outcomes(watched, some(0.05, 50), first=150)) if alert.kind == "business"]
    assert changes(fired) == [("engaged", "firing", "retrain")]
    assert (fired[0].columns[0].statistic, fired[0].columns[0].threshold) == (0.045, 0.1)
    assert (fired[0].promise.holds, fired[0].promise.why) == (False, "a business rule, not a test")
    assert [a for a in fold(made, outcomes(watched, some(0.11), first=200)) if a.kind == "business"] == []
    over = [a for a in fold(made, outcomes(watched, some(0.2), first=500)) if a.kind == "business"]
    assert changes(over) == [("engaged", "resolved", "retrain")]
    assert over[0].id == fired[0].id


def test_more_new_labels_than_set_ask_for_a_model_and_again_once_they_have_doubled(watched: Watched) -> None:
    log = list(watched.stream(4, (2_000, none)))
    alerts = fold(performance(watched, replace(RULES, new_labels=500)), log)
    assert changes(alerts) == [
        ("labels", "firing", "retrain"), ("labels", "resolved", "retrain"), ("labels", "firing", "retrain"),
    ]  # fmt: skip
    first, ended, second = alerts
    assert first.id == ended.id != second.id
    assert [(alert.columns[0].statistic, alert.columns[0].threshold) for alert in (first, second)] == [
        (501, 500),
        (1003, 1002),
    ]
    assert (first.kind, first.started_at) == ("performance", START)
    assert (second.window.first, second.window.last) == ({"0": 0}, {"0": 1_049})


def test_a_champion_that_is_too_old_asks_for_a_successor_beside_the_labels(watched: Watched) -> None:
    made = performance(watched, RULES)
    log = list(watched.stream(4, (600, none)))
    first, *others = (event for event in log if isinstance(event, Pane))
    late = watched.pane(0, np.arange(50), since=START + timedelta(days=91))
    old = msgspec.structs.replace(first, times=late.times, last_sent_at=late.last_sent_at)
    aged = fold(made, [old, *others])
    assert changes(aged) == [("champion", "firing", "retrain")]
    assert aged[0].columns[0].statistic == pytest.approx(91.0, abs=0.1)
    more = fold(made, [event for event in log if isinstance(event, LabelBatch)])
    assert changes(more) == [("labels", "firing", "retrain")]
    assert aged[0].kind == more[0].kind == "performance"
    assert aged[0].id != more[0].id
    assert aged[0].summary != more[0].summary


def test_every_rule_can_be_switched_off(watched: Watched) -> None:
    off = replace(RULES, min_engagement=0.0, max_champion_days=0.0, new_labels=0, horizon=10**12)
    late = [watched.pane(at, np.arange(at, at + 50), since=START + timedelta(days=999)) for at in range(0, 600, 50)]
    assert fold(performance(watched, off), [*late, labels(0, some(0.3, 600))]) == []
    assert fold(performance(watched, off), outcomes(watched, some(0.0, 100))) == []


def accepted(made: Performance, alert: Alert) -> list[Alert]:
    return made.acknowledge(Acknowledgement.of(alert, START))


def test_an_accepted_alert_is_over_and_comes_again_with_the_next_champion_alone(
    watched: Watched, drifting: Log
) -> None:
    made = performance(watched, RULES)
    fired = {alert.columns[0].name: alert for alert in fold(made, drifting[:150])}
    assert fired.keys() == {"score", "labels"}
    for name, alert in fired.items():
        ended = accepted(made, alert)
        assert changes(ended) == [(name, "resolved", alert.level)]
        assert ended[0].acknowledged_at == START
    assert fold(made, drifting[150:]) == []
    assert accepted(made, fired["score"]) == []
    promoted = outcomes(watched, some(0.4, 550), version="2", first=5_000)
    assert "labels" in {alert.columns[0].name for alert in fold(made, promoted)}


def test_no_rate_is_promised_on_a_reference_of_few_labels() -> None:
    few = Watched.trained(1, 60)
    log = list(few.stream(3, (200, none), (1_000, labels_flipped)))
    alerts = fold(performance(few), log)
    assert alerts
    assert alerts[0].promise.why == "the model's reference has 60 labels: 100 are needed"
    assert not alerts[0].promise.holds


def test_panes_without_a_champion_before_and_labels_without_any_pane_are_held(watched: Watched) -> None:
    made = performance(watched)
    assert fold(made, [labels(0, some(0.4, 50))]) == []
    assert made.version is None
    assert fold(made, [watched.pane(0, np.arange(50))]) == []
    assert made.account().joined == 50
