"""What the dashboard shows of what was read."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import LabelAccount, ModelEvent
from model.retrain import Made
from monitor.dashboard_document import Written
from monitor.dashboard_feed import Feed, Seen, encode_json
from monitor.dashboard_state import (
    ALERTS,
    MOMENTS,
    NEWEST,
    PARTS,
    SECONDS,
    DashboardState,
    Looked,
    Tally,
)
from tests.dashboard_server import NOW, alert, applied, letter, prediction, report

SECOND = timedelta(seconds=1)


def new() -> DashboardState:
    return DashboardState({"window": 500})


def shown(state: DashboardState) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_json(state.document(NOW)))
    return found


def registered(version: str, bundle: bytes = b"") -> ModelEvent:
    return ModelEvent(event="registered", model_version=version, at=NOW + int(version) * SECOND, bundle=bundle)


def champion(version: str, seconds: int = 0) -> ModelEvent:
    return ModelEvent(event="champion", model_version=version, at=NOW + seconds * SECOND)


def decided(version: str, decision: Any, before: str | None, trigger: str, seconds: int = 0) -> ModelEvent:
    return ModelEvent(
        event="decided", model_version=version, at=NOW + seconds * SECOND, trigger=trigger, decision=decision,
        why="better", champion=before, labels=240, delta_auc=0.1, interval=(0.02, 0.2), metrics={"roc_auc": 0.7},
    )  # fmt: skip


def test_before_anything_has_come_there_is_nothing_to_show() -> None:
    found = shown(new())
    assert found.keys() == {"now", *PARTS, "history", "settings"}
    assert (found["window"], found["alerts"], found["history"], found["predictions"]) == (None, [], [], [])
    assert found["health"]["contacts"] == {"replayed": 0, "scored": 0, "monitored": 0, "dead_letters": 0}
    assert found["health"]["firing"] == []
    assert found["performance"]["latency_ms"] is None
    assert found["performance"]["lag"] == {"score": None, "monitor": None}
    assert found["models"] == {
        "champion": None, "since": None, "previous": None, "versions": [], "decisions": [], "champions": [],
    }  # fmt: skip


def test_a_report_becomes_the_window_and_a_moment_and_tells_how_late_it_is() -> None:
    state = new()
    for n in range(MOMENTS + 5):
        changed = state.window_reported(report(n), NOW + timedelta(seconds=0.25))
    found = shown(state)
    assert set(changed) == {"window", "performance"}
    assert found["window"]["schema"] == "driftline.window-report/1"
    assert [moment["at_contact"] for moment in found["history"]] == list(range(5, MOMENTS + 5))
    assert found["history"][-1]["strengths"] == {"industry": 1.5}
    assert found["performance"]["alert_seconds"] == 0.25


def test_an_alert_keeps_its_changes_and_can_be_acknowledged_while_it_fires_under_the_champion() -> None:
    state = new()
    state.model_changed(champion("1"))
    state.alerted(alert("a", level="investigate"))
    state.alerted(alert("b"))
    state.alerted(alert("a", level="retrain", updated_at=NOW + SECOND))
    state.alerted(alert("a", level="retrain", updated_at=NOW + SECOND))  # as a monitor that was killed repeats it
    found = state.alert("a")
    assert found is not None
    assert [change.level for change in found["changes"]] == ["investigate", "retrain"]
    assert found["acknowledge"]
    assert [story["alert"]["id"] for story in shown(state)["alerts"]] == ["a", "b"]
    assert set(shown(state)["health"]["firing"]) == {"a", "b"}
    state.alerted(alert("a", "resolved"))
    assert shown(state)["health"]["firing"] == ["b"]
    assert state.alert("a")["fired"].level == "retrain"  # type: ignore[index]
    assert state.alert("a")["acknowledge"] is False  # type: ignore[index]
    state.model_changed(champion("2"))
    assert state.alert("b")["acknowledge"] is False  # type: ignore[index]
    assert state.alert("c") is None


def test_what_fires_comes_before_what_was_resolved_later() -> None:
    state = new()
    state.alerted(alert("fires"))
    state.alerted(alert("over", "resolved", updated_at=NOW + SECOND))
    state.alerted(alert("fires too", updated_at=NOW + 2 * SECOND))
    assert [story["alert"]["id"] for story in shown(state)["alerts"]] == ["fires too", "fires", "over"]


def test_what_fires_is_not_forgotten_for_what_is_resolved() -> None:
    state = new()
    state.alerted(alert("fires"))
    for n in range(ALERTS + 20):
        state.alerted(alert(f"{n}", "resolved"))
    known = {story["alert"]["id"] for story in shown(state)["alerts"]}
    assert len(known) == ALERTS
    assert {"fires", f"{ALERTS + 19}"} <= known


def test_the_history_of_models_is_told_from_the_events_of_their_topic(made: Made) -> None:
    state = new()
    bundle = made.bundle.with_version("1")
    for event in (
        registered("1", bundle.to_bytes()), champion("1"), registered("2"),
        decided("2", "rejected", "1", "alert-1", 1), registered("3"),
        decided("3", "promoted", "1", "alert-2", 2), champion("3", 3),
    ):  # fmt: skip
        assert state.model_changed(event) == ("models", "health")
    models = shown(state)["models"]
    assert (models["champion"], models["previous"], models["since"]) == ("3", "1", "2026-01-01T00:00:03Z")
    assert [version["version"] for version in models["versions"]] == ["3", "2", "1"]
    assert models["versions"][0]["metrics"] == {"roc_auc": 0.7}
    assert models["versions"][1]["trained_on"] is None, "a bundle that cannot be read"
    assert models["versions"][2]["trained_on"] == bundle.trained_on
    assert models["versions"][2]["reference_rows"] == len(bundle.reference)
    assert [(d["challenger"], d["decision"], d["trigger"]) for d in models["decisions"]] == [
        ("3", "promoted", "alert-2"), ("2", "rejected", "alert-1"),
    ]  # fmt: skip
    assert [reign["version"] for reign in models["champions"]] == ["3", "1"]
    by_hand = msgspec.structs.replace(decided("3", "promoted", "1", "by hand", 4), metrics={})
    for event in (by_hand, registered("1"), decided("1", "promoted", "3", "by hand again", 4), champion("1", 5)):
        state.model_changed(event)
    state.model_changed(champion("1", 6))
    models = shown(state)["models"]
    assert [version["version"] for version in models["versions"]] == ["3", "2", "1"], "as they were made"
    assert models["versions"][0]["metrics"] == {"roc_auc": 0.7}
    assert models["since"] == "2026-01-01T00:00:05Z"
    assert (state.models.champion, state.models.previous) == ("1", "3"), (
        "rolled back, and a rollback would go forth again"
    )


def test_of_a_compacted_topic_the_decisions_tell_who_was_champion() -> None:
    state = new()
    for event in (decided("2", "promoted", "1", "x", 1), decided("3", "promoted", "2", "y", 2), champion("3", 3)):
        state.model_changed(event)
    assert [reign["version"] for reign in shown(state)["models"]["champions"]] == ["3", "2", "1"]
    assert state.models.previous == "2"


def test_a_promotion_that_did_not_take_place_made_no_champion() -> None:
    state = new()
    for event in (champion("1"), decided("2", "promoted", "1", "x", 1), decided("3", "promoted", "1", "y", 2)):
        state.model_changed(event)
    state.model_changed(champion("3", 3))
    assert [reign["version"] for reign in shown(state)["models"]["champions"]] == ["3", "1"]


def test_dead_letters_are_counted_once_by_reason_and_without_their_content() -> None:
    state = new()
    for n in range(3):
        assert state.set_aside(letter(n, f"not JSON: malformed (byte {n})")) == ("performance",)
    assert state.set_aside(letter(2)) == ()
    state.set_aside(letter(7, "Expected `float`, got `str` - at `$.llm_quality`"))
    found = shown(state)["performance"]["dead_letters"]
    assert found["count"] == 4
    assert [(one["reason"], one["count"]) for one in found["reasons"]] == [
        ("not JSON: malformed", 3), ("Expected `float`, got `str` - at `$.llm_quality`", 1),
    ]  # fmt: skip
    assert "Example" not in json.dumps(shown(state))


def test_rates_are_of_a_second_and_unknown_where_the_broker_was_away() -> None:
    state = new()
    counted = [Tally(0, 0, 0, 0), Tally(50, 40, 0, 0), Tally(100, 90, 50, 4), None, Tally(300, 290, 250, 4)]
    for half, tally in enumerate([counted[0], counted[1], counted[2], counted[3], counted[3], counted[4]]):
        state.counted(tally, NOW + half * SECOND / 2)
    found = shown(state)
    assert found["performance"]["at"] == ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]
    assert found["performance"]["replayed"] == [100.0, None]
    assert found["performance"]["scored"] == [90.0, None]
    assert found["performance"]["lag"] == {"score": 6, "monitor": 40}
    assert found["health"]["contacts"]["monitored"] == 250
    for n in range(SECONDS + 10):
        state.counted(Tally(300, 290, 250, 4), NOW + (n + 10) * SECOND)
    assert len(shown(state)["performance"]["at"]) == SECONDS


def test_the_newest_predictions_say_nothing_of_whose_they_are() -> None:
    state = new()
    sample = [
        Written(prediction(f"secret {n}", n / 100, llm_seniority="Senior", llm_geography="Example Person"), NOW)
        for n in range(NEWEST + 5)
    ]
    sample[7] = Written(sample[7].prediction, NOW + SECOND)
    assert set(state.sampled(sample)) == {"predictions", "performance"}
    found = shown(state)["predictions"]
    assert len(found) == NEWEST
    assert found[0]["score"] == 0.07, "the newest first"
    assert (found[0]["seniority"], found[0]["geography"], found[0]["business_type"]) == ("Senior", "other", None)
    assert (found[0]["label"], found[0]["confidence"]) == ("not_engaged", "low")
    assert "secret" not in json.dumps(found)
    assert "Example" not in json.dumps(found)
    assert shown(state)["performance"]["latency_ms"]["contacts"] == NEWEST + 5
    assert state.sampled(sample) == ()


def test_the_health_is_as_of_the_last_look_around() -> None:
    state = new()
    looked = Looked(
        {"kafka": {"reachable": True, "address": "h:1"}}, {"score": {"pid": 1, "alive": True, "lag": None}}, None
    )
    assert state.looked_around(looked) == ("health",)
    assert state.looked_around(looked) == ()
    state.counted(Tally(10, 8, 8, 0), NOW)
    assert state.labelled(LabelAccount(joined=3)) == ("health",)
    assert state.troubled("Kafka does not answer") == ("health",)
    health = shown(state)["health"]
    assert health["workers"]["score"] == {"pid": 1, "alive": True, "lag": 2}
    assert health["labels"]["joined"] == 3
    assert health["trouble"] == "Kafka does not answer"
    again = shown(state.restarted())["health"]
    assert (again["parts"], again["contacts"]["replayed"]) == (looked.parts, 0)


# The feed

EVENTS = st.sampled_from(
    [
        lambda state, n: state.window_reported(report(n), NOW),
        lambda state, n: state.alerted(alert(f"{n % 7}", level="monitor" if n % 2 else "retrain", at_contact=n)),
        lambda state, n: state.model_changed(champion(f"{n % 3}", n)),
        lambda state, n: state.set_aside(letter(n % 5)),
        lambda state, n: state.counted(Tally(n, n, n, 0), NOW + n * SECOND),
        lambda state, n: state.sampled([Written(prediction(score=n / 1_000), NOW + n * SECOND)]),
        lambda state, n: state.troubled(None if n % 2 else "away"),
        None,  # the broker comes back empty
        "look",
    ]
)


@given(st.lists(EVENTS, min_size=5, max_size=60))
def test_a_viewer_who_applies_the_news_sees_the_state_whenever_it_looks(steps: list[Any]) -> None:
    feed = Feed(new(), lambda: NOW)
    seen: Seen | None = None
    view: dict[str, Any] = {}
    for n, step in enumerate([*steps, "look"]):
        if step == "look":
            news, seen = feed.news(seen)
            for block in news.decode().split("\n\n")[:-1]:
                name, data = (line.partition(": ")[2] for line in block.split("\n"))
                view = applied(view, name, json.loads(data))
            assert view == json.loads(feed.document())
        elif step is None:
            feed.restart()
        else:
            feed.update(lambda state, step=step, n=n: step(state, n))  # type: ignore[misc]
    assert feed.news(seen)[0] == b"", "no news twice"


def test_a_part_is_encoded_once_for_all_viewers() -> None:
    feed = Feed(new(), lambda: NOW)
    _, first = feed.news(None)
    _, second = feed.news(None)
    feed.update(lambda state: state.alerted(alert()))
    assert feed.news(first)[0] == feed.news(second)[0]
    assert feed._part("alerts") is feed._part("alerts")


def test_who_does_not_read_makes_nothing_pile_up() -> None:
    feed = Feed(new(), lambda: NOW)
    _, seen = feed.news(None)
    for n in range(10_000):
        feed.update(lambda state, n=n: (*state.window_reported(report(n), NOW), *state.alerted(alert(at_contact=n))))  # type: ignore[misc]
    assert len(feed._newest) <= 20
    news, _ = feed.news(seen)
    assert news.startswith(b"event: state\n")
    assert len(news) == pytest.approx(len(feed.document()), abs=50)


def test_whoever_listens_is_told_of_changes_until_it_does_not_want_to_know() -> None:
    feed, told = Feed(new(), lambda: NOW), []
    deaf = feed.listen(lambda: told.append(1))
    feed.update(lambda state: state.troubled("away"))
    feed.update(lambda state: state.troubled("away"))
    feed.restart()
    assert len(told) == 2
    deaf()
    feed.close()
    assert (len(told), feed.closed) == (2, True)


def test_times_are_written_with_a_z() -> None:
    assert msgspec.json.decode(encode_json(new().document(NOW)))["now"] == "2026-01-01T00:00:00Z"
