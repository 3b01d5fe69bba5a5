"""What the terminal shows."""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from driftline.counts import Counts
from driftline.events import Alert, AlertReference, AlertWindow, DriftedColumn, LabelAccount, Promise
from driftline.rich_view import ReplayView, alert_line, render

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = LabelAccount(contacts=1_190, joined=595, median_delay_seconds=7_200.0, changed=3)
COUNTS = Counts(replayed=1_200, scored=1_190, monitored=1_190, dead_letters=10)


def alert() -> Alert:
    column = DriftedColumn(
        name="industry", features=["industry"], test="ks", statistic=0.4, threshold=0.14, p_value=0.0, effect=0.4,
        direction="higher", cause="45% of the values are new",
    )  # fmt: skip
    return Alert(
        id="a", state="firing", kind="data_drift", level="investigate", started_at=NOW, updated_at=NOW,
        resolved_at=None, at_contact=2_100, window=AlertWindow(contacts=500, first={}, last={}), model_version="1",
        reference=AlertReference(id="r", rows=1_000), drift_share=0.21, columns=[column], runbook="",
        promise=Promise(false_alarm_rate=0.05, horizon=20_000, holds=True),
        summary="The last 500 contacts are not like the people the model was trained for: industry changed.",
    )  # fmt: skip


def shown(firing: dict[str, Alert]) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(render(COUNTS, 250.0, "1", firing, LABELS))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_the_live_view_shows_what_fires_the_counts_and_the_champion() -> None:
    text = shown({"a": alert()})
    for told in (
        "champion 1",
        "1,190 scored",
        "10 dead letters",
        "data_drift",
        "investigate",
        "21%",
        "industry",
        "0.400",
    ):
        assert told in text


def test_the_live_view_says_so_when_nothing_fires() -> None:
    assert "Nothing fires" in shown({})


def test_the_live_view_tells_what_became_of_the_labels_and_only_of_faults_that_happened() -> None:
    text = shown({})
    assert "595 joined (50% of contacts), median delay 2.0 h, 3 changed later" in text
    assert "unknown" not in text


def test_an_alert_is_one_line() -> None:
    line = alert_line(alert())
    assert "\n" not in line
    assert "investigate" in line
    assert "2,100" in line


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
    view.paused = True
    assert view.told(began + 11).endswith("paused[/]")
    console = Console(file=io.StringIO(), width=110)
    console.print(view.render())
    assert "1,200/1,300" in console.file.getvalue()  # type: ignore[attr-defined]
