"""What the terminal shows."""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from driftline.events import Alert, AlertReference, AlertWindow, DriftedColumn, Promise
from driftline.rich_view import ReplayView, alert_line, print_alert, replay_progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def alert(kind: Any = "data_drift", level: Any = "investigate") -> Alert:
    columns = [
        DriftedColumn(
            name=name, features=[name], test="ks", statistic=0.4, threshold=0.14, p_value=0.0, effect=0.4,
            direction="higher", cause="45% of the values are new",
        )
        for name in ("industry", "company size")
    ]  # fmt: skip
    return Alert(
        id="0ab5ddfb4f575373", state="firing", kind=kind, level=level, started_at=NOW, updated_at=NOW,
        resolved_at=None, at_contact=2_100, window=AlertWindow(contacts=500, first={}, last={}), model_version="1",
        reference=AlertReference(id="r", rows=1_000), drift_share=0.21, columns=columns, runbook="",
        promise=Promise(false_alarm_rate=0.05, horizon=20_000, holds=True),
        summary="The last 500 contacts are not like the people the model was trained for: industry changed.",
    )  # fmt: skip


def test_an_alert_is_one_line_of_columns_that_hold_no_blanks() -> None:
    fields = alert_line(alert()).split()
    assert fields == [
        "2026-01-01T00:00:00Z", "0ab5ddfb4f575373", "firing", "investigate", "data_drift", "2100", "21%",
        "industry,company_size", "-",
    ]  # fmt: skip
    assert alert_line(alert(), "http://127.0.0.1:8080/alerts/x").split()[-1] == "http://127.0.0.1:8080/alerts/x"


def test_alerts_stand_under_each_other() -> None:
    lines = [alert_line(alert("business", "alert")), alert_line(alert("prediction_drift", "retrain"))]
    assert len({line.index("21%") for line in lines}) == 1


def test_an_alert_is_piped_as_a_line_without_colours(capsys: pytest.CaptureFixture[str]) -> None:
    print_alert(alert())
    assert capsys.readouterr().out == alert_line(alert()) + "\n"


def test_on_a_terminal_an_alert_is_told_in_words_and_with_the_id_to_accept_it_by(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    print_alert(alert())
    lines = Text.from_ansi(capsys.readouterr().out).plain.splitlines()
    assert "0ab5ddfb4f575373" in lines[0]
    assert "at contact 2,100: The last 500 contacts are not like" in lines[1]
    assert all(len(line) <= 80 for line in lines)


@dataclass
class Sent:
    contacts: int = 0
    labels: int = 0
    skipped: int = 0


def test_a_replay_shows_its_rate_now_beside_the_one_asked_for_and_what_it_waits_for() -> None:
    sent, began = Sent(skipped=100), time.monotonic()
    view = ReplayView(sent, total=1_300, asked=500.0)
    sent.contacts = 600
    assert view.told(began + 10).startswith("60/s of 500/s, 0:00:10 left")
    sent.contacts, sent.labels = 1_100, 4
    assert view.told(began + 11).startswith("500/s of 500/s, 4 labels")
    view.next_at = began + 7_211
    assert view.told(began + 11).endswith("next in 2:00:00")
    view.next_at = began + 1e300
    assert " days, " in view.told(began + 11)
    view.paused = True
    assert view.told(began + 11).endswith("paused[/]")
    console = Console(file=io.StringIO(), width=110)
    console.print(view.render())
    assert "1,200/1,300" in console.file.getvalue()  # type: ignore[attr-defined]


def test_where_there_is_no_terminal_no_bar_is_drawn_among_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with replay_progress(Sent(), total=10) as view:
        assert view.dealt_with == 0
    assert capsys.readouterr().err == ""
