"""The live view: what it says, and that it says it within the screen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.counts import Counts
from driftline.events import (
    Alert,
    AlertReference,
    AlertWindow,
    DriftedColumn,
    LabelAccount,
    ModelEvent,
    Promise,
    WindowReport,
)
from driftline.kafka_watch import Seen
from driftline.rich_screen import Levels, bar, curve, screen
from driftline.rich_watch import Lines, silence, state_line

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEVELS = Levels(investigate=0.2, alert=0.5)
PROMISE = Promise(false_alarm_rate=0.05, horizon=20_000, holds=True)
SIZES = [(80, 24), (120, 40), (100, 30), (60, 20), (30, 8), (200, 60)]


def column(name: str, cause: str = "share of 'Executive' up from 0.14 to 0.50") -> DriftedColumn:
    return DriftedColumn(
        name=name, features=[name], test="ks", statistic=0.4, threshold=0.14, p_value=0.0, effect=0.4,
        direction="higher", cause=cause,
    )  # fmt: skip


def alert(id: str, state: Any = "firing", level: Any = "investigate", kind: Any = "data_drift", ago: int = 90) -> Alert:
    at = NOW - timedelta(seconds=ago)
    return Alert(
        id=id, state=state, kind=kind, level=level, started_at=at, updated_at=at,
        resolved_at=at if state == "resolved" else None, at_contact=2_100,
        window=AlertWindow(contacts=500, first={}, last={}), model_version="1",
        reference=AlertReference(id="r", rows=1_000), drift_share=0.21, columns=[column("llm_seniority")], runbook="",
        promise=PROMISE, summary="",
    )  # fmt: skip


REPORT = WindowReport(
    at=NOW - timedelta(seconds=3), at_contact=7_950, model_version="1", full=True,
    window=AlertWindow(contacts=500, first={}, last={}), reference=AlertReference(id="r", rows=1_000),
    drift_share=0.21, drifting=["llm_seniority", "industry"], promise=PROMISE, evidence={},
    strengths={"llm_seniority": 5.44, "industry": 1.2, **{f"column_{n}": 0.9 - n / 20 for n in range(18)}},
    columns=[column("llm_seniority"), column("industry"), *(column(f"column_{n}") for n in range(6))], distributions=[],
)  # fmt: skip
SEEN = Seen(
    at=NOW, counts=Counts(replayed=1_234_567, scored=1_234_500, monitored=1_234_450, dead_letters=17),
    rates=(512.4, 511.2), labels=LabelAccount(contacts=1_190, joined=595, median_delay_seconds=7_200.0, changed=3),
    champion="2", since=NOW - timedelta(minutes=18), report=REPORT, shares=tuple(n / 240 for n in range(240)),
    alerts=(alert("a"), alert("b", "resolved", ago=4_000), alert("c", level="retrain", kind="prediction_drift")),
)  # fmt: skip


def shown(seen: Seen | None = SEEN, size: tuple[int, int] = (80, 24), trouble: str = "") -> list[str]:
    text = screen(seen, NOW, LEVELS, *size, trouble=trouble)
    lines = text.split("\n", allow_blank=True)
    assert len(lines) <= size[1]
    assert all(line.cell_len <= size[0] for line in lines)
    return [line.plain.rstrip() for line in lines]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_line_is_wider_and_no_view_higher_than_the_screen(size: tuple[int, int]) -> None:
    for seen in (None, SEEN, replace(SEEN, report=None), replace(SEEN, alerts=()), Seen(at=NOW)):
        shown(seen, size)
        shown(seen, size, trouble="the broker at 127.0.0.1:9092 has not answered for 12 s, trying again" * 3)


def test_on_80_by_24_everything_is_there() -> None:
    text = "\n".join(shown())
    for told in (
        "champion 2 since 11:42:00 (18 min)",
        "1,234,567 replayed (512/s), 1,234,500 scored (511/s)",
        "50 scorer, 50 monitor; 1,234,450 monitored, 17 dead letters",
        "595 joined (50% of contacts), median delay 2.0 h, 3 changed later",
        "Drift share 21%",
        "window 500 contacts, newest 3 s ago",
        "50% alert",
        "20% investigate",
        "2 of 20 columns drift",
        "5.4× share of 'Executive' up from 0.14 to 0.5",
        "2 firing, 1 resolved",
        "● firing    investigate  data_drift         1 min  llm_seniority",
        "✓ resolved  investigate  data_drift           1 h  llm_seniority",
    ):
        assert told in text


def test_columns_come_ranked_and_those_that_drift_are_marked() -> None:
    lines = shown(size=(120, 40))
    ranked = [line for line in lines if "×" in line]
    strengths = [float(line.split("×")[0].split()[-1]) for line in ranked]
    assert len(ranked) == 17
    assert strengths == sorted(strengths, reverse=True)
    assert [line.split()[1] for line in ranked if line.startswith("●")] == ["llm_seniority", "industry"]
    assert "as in the reference" in ranked[2]


def test_what_fires_comes_first_and_of_that_the_gravest() -> None:
    lines = shown()
    begin = next(n for n, line in enumerate(lines) if "── Alerts" in line) + 1
    assert [line.split()[1:3] for line in lines[begin : begin + 3]] == [
        ["firing", "retrain"], ["firing", "investigate"], ["resolved", "investigate"],
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(40, 10), (30, 8), (80, 18), (80, 17)])
def test_on_a_small_screen_too_the_gravest_that_fires_is_seen(size: tuple[int, int]) -> None:
    assert any(line.startswith("● firing    retrain") for line in shown(size=size))


def test_an_empty_system_says_how_to_fill_it_and_an_empty_view_what_it_waits_for() -> None:
    assert "reading the topics" in "\n".join(shown(None))
    assert "no champion yet: `driftline retrain` makes the first one" in "\n".join(shown(Seen(at=NOW)))
    ready = Seen(at=NOW, champion="1", since=NOW)
    text = "\n".join(shown(ready))
    assert "No contact has come yet" in text
    assert "driftline replay scenario:sector_shift" in text
    on_their_way = replace(ready, counts=Counts(replayed=10, scored=10, monitored=0, dead_letters=0))
    assert "the first pane is still filling" in "\n".join(shown(on_their_way))


def test_a_window_that_fills_and_a_promise_that_does_not_hold_are_told() -> None:
    window = AlertWindow(contacts=150, first={}, last={})
    promise = msgspec.structs.replace(PROMISE, holds=False, why="it comes in runs")
    filling = msgspec.structs.replace(REPORT, window=window, full=False, promise=promise)
    assert "filling, 150 contacts, newest 3 s ago, no promise" in "\n".join(shown(replace(SEEN, report=filling)))


def test_a_calm_stream_is_told_as_one() -> None:
    calm = msgspec.structs.replace(REPORT, drift_share=0.0, drifting=[])
    text = "\n".join(shown(replace(SEEN, report=calm, alerts=())))
    assert "0 of 20 columns drift" in text
    assert "nothing fires" in text
    assert "●" not in text


def test_a_challenger_that_did_not_become_champion_is_told() -> None:
    decided = ModelEvent(event="decided", model_version="3", at=NOW, trigger="a", decision="rejected")
    assert "version 3 rejected" in shown(replace(SEEN, decision=decided))[0]
    assert "promoted" not in shown(replace(SEEN, decision=msgspec.structs.replace(decided, model_version="2")))[0]


def test_a_broker_that_has_gone_silent_is_told_and_what_was_known_stays() -> None:
    assert silence(SEEN, NOW, NOW + timedelta(seconds=2), "b:9092") == ""
    trouble = silence(SEEN, NOW, NOW + timedelta(seconds=12), "b:9092")
    assert trouble.startswith("the broker at b:9092 has not answered for 12 s, trying again")
    lines = shown(trouble=trouble)
    assert trouble[:60] in lines[4]
    assert "Drift share 21%" in lines[5]
    assert "not answered for 5 s" in silence(None, NOW, NOW + timedelta(seconds=5), "b:9092")


@given(st.lists(st.floats(0, 1), max_size=300), st.integers(20, 150), st.integers(2, 8))
def test_the_curve_is_as_high_as_the_share_and_its_newest_is_at_the_right(
    shares: list[float], width: int, height: int
) -> None:
    lines = [line.plain for line in curve(shares, LEVELS, width, height)]
    assert len(lines) == height
    assert {len(line) for line in lines} == {width}
    if shares:
        eighths = sum(" ▁▂▃▄▅▆▇█".find(line[-1]) for line in lines if line[-1] in "▁▂▃▄▅▆▇█")
        assert abs(eighths / 8 / height - shares[-1]) <= 1 / 8 / height
    told = "".join(lines)
    assert "50% alert" in told
    assert "20% investigate" in told or int(0.2 * height) == int(0.5 * height)


@given(st.floats(0, 50), st.floats(2, 50), st.integers(10, 40))
def test_a_bar_passes_its_mark_where_the_strength_does(strength: float, most: float, width: int) -> None:
    text = bar(strength, most, width).plain
    assert len(text) == width
    assert text.count("┊") == 1
    filled = sum(cell not in " ┊" for cell in text)
    assert abs(filled - min(strength, most) / most * width) <= 1.5
    if strength < 0.9 - most / width:
        assert text.rstrip().endswith("┊")


def test_line_by_line_a_change_is_said_once() -> None:
    lines = Lines()
    first = lines.after(SEEN, "")
    assert first[0].startswith("champion 2 since")
    assert any(line.startswith("firing data_drift a, level investigate") for line in first)
    assert "drifting: industry, llm_seniority" in first
    assert not any("resolved" in line for line in first)
    assert lines.after(SEEN, "") == []
    assert lines.after(replace(SEEN, counts=Counts(2_000_000, 0, 0, 0)), "") == []
    ended = alert("a", "resolved")
    changed = replace(SEEN, alerts=(ended, *SEEN.alerts[1:]), champion="3", report=REPORT)
    assert [line.split()[0] for line in lines.after(changed, "")] == ["resolved", "champion"]
    assert lines.after(changed, "the broker has gone") == ["the broker has gone"]
    assert lines.after(changed, "the broker has gone, still") == []
    assert lines.after(changed, "") == ["the broker answers again"]
    calm = msgspec.structs.replace(REPORT, drifting=[])
    assert lines.after(replace(changed, report=calm), "") == ["drifting: no column"]


def test_the_state_is_one_line() -> None:
    assert state_line(SEEN).endswith("1,234,450 monitored, 17 dead letters; drift share 21%; 2 firing")
