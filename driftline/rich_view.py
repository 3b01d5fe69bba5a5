"""What the terminal shows: a progress bar for replays, alerts as lines, and the live view of `driftline watch`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event as Flag
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from driftline.counts import Counter, Counts, champion, labels, labels_line
from driftline.events import Alert, LabelAccount, decode
from driftline.kafka_clients import read_all, tail
from driftline.settings import Settings
from driftline.topics import ALERTS

LEVEL_STYLES = {
    "monitor": "cyan",
    "investigate": "yellow",
    "alert": "bold red",
    "retrain": "bold white on red",
}


class Sent(Protocol):
    """What a replay counts of itself."""

    contacts: int
    labels: int
    skipped: int


class ReplayView:
    """What the progress bar of a replay shows. It looks at the counts by itself, also while the replay waits.

    Args:
        sent: the counts.
        total: contacts, where that is known.
        asked: contacts per second; None where no rate is asked for.
    """

    RATE_OVER = 2.0
    """Seconds that the rate shown is a mean of."""

    def __init__(self, sent: Sent, total: int | None, asked: float | None) -> None:
        self.paused = False
        self.next_at: float | None = None
        """`time.monotonic` at which something is sent again, where that takes long."""
        self._sent, self._total, self._asked = sent, total, asked
        self._passed = deque([(time.monotonic(), sent.contacts)])

    def render(self) -> RenderableType:
        """Bar, position and what `told` says, on one line."""
        line = Table.grid(padding=(0, 1))
        for _ in range(4):
            line.add_column(no_wrap=True)
        position = f"{self.dealt_with:,}" + (f"/{self._total:,}" if self._total else "")
        bar = ProgressBar(self._total, self.dealt_with, width=9)
        line.add_row("replaying", bar, position, self.told(time.monotonic()))
        return line

    @property
    def dealt_with(self) -> int:
        """Contacts sent, or found to be there already."""
        return self._sent.contacts + self._sent.skipped

    def told(self, now: float) -> str:
        """Rate, labels and what it waits for, at a time of `time.monotonic`."""
        passed = self._passed
        passed.append((now, self._sent.contacts))
        while len(passed) > 2 and now - passed[0][0] > self.RATE_OVER:
            passed.popleft()
        rate = (passed[-1][1] - passed[0][1]) / max(1e-9, passed[-1][0] - passed[0][0])
        words = [f"{rate:,.0f}/s" + ("" if self._asked is None else f" of {self._asked:,g}/s")]
        if self._sent.labels:
            words.append(f"{self._sent.labels:,} labels")
        if self.paused:
            words.append("[yellow]paused[/]")
        elif self.next_at is not None and self.next_at > now:
            words.append(f"next in {timedelta(seconds=round(self.next_at - now))}")
        elif self._total and rate and self._total > self.dealt_with:
            words.append(f"{timedelta(seconds=round((self._total - self.dealt_with) / rate))} left")
        return ", ".join(words)


@contextmanager
def replay_progress(sent: Sent, total: int | None, asked: float | None = None) -> Iterator[ReplayView]:
    """A progress bar on standard error."""
    view, console = ReplayView(sent, total, asked), Console(stderr=True)
    with Live(get_renderable=view.render, console=console, refresh_per_second=5):
        yield view
    if not console.is_interactive:
        console.print()  # the line that is drawn once has no end


@contextmanager
def file_progress(total: int, doing: str | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields the function that moves it.

    Args:
        total: rows that are folded; or, where it is said what is done, bytes of the file.
    """
    done = MofNCompleteColumn() if doing is None else DownloadColumn()
    columns = (TextColumn(doing or "folding"), BarColumn(), done, TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing or "folding", total=total)
        yield lambda done: bar.update(task, completed=done)


def backtest_table(found: dict[str, Any]) -> None:
    """A backtest for people."""
    console, promise = Console(), found["promise"]
    console.print(f"{found['rows']:,} rows against a reference of {found['reference']['rows']:,}", highlight=False)
    if promise["holds"]:
        rate, horizon = promise["false_alarm_rate"], promise["horizon"]
        console.print(f"promise: without drift, at most {rate:.0%} of runs of {horizon:,} rows raise any alert")
    else:
        console.print(f"no false-alarm rate is promised: {promise['why']}", style="yellow")
    for column, why in found["untested"].items():
        console.print(f"{column}: {why}", style="yellow", highlight=False)
    if not found["alerts"]:
        console.print("no alerts", style="green")
        return
    for alert in found["alerts"]:
        style = LEVEL_STYLES[alert["level"]] if alert["state"] == "firing" else "green"
        head = f"row {alert['at_contact']:>9,}  {alert['state']:8}  {alert['level']:11}  {alert['kind']:16}"
        console.print(f"{head}  drift share {alert['drift_share']:.0%}", style=style, highlight=False)
        for column in alert["columns"]:
            figures = f"{column['test']} {column['statistic']:,.4g}, threshold {column['threshold']:,.4g}"
            told = f"    {column['name']}: {column['cause']} ({figures})"
            console.print(told, highlight=False, markup=False, soft_wrap=True)


def stored_alerts(settings: Settings, *, follow: bool, stop: Flag) -> Iterator[Alert]:
    """The alerts on the topic, and with ``follow`` those to come."""
    records = tail(settings, ALERTS, stop) if follow else read_all(settings, ALERTS)
    for record in records:
        if record is not None:
            yield decode(Alert, record.value)


def alert_line(alert: Alert, page: str | None = None) -> str:
    """One alert for people, on one line.

    Args:
        page: where they read more about it.
    """
    columns = ", ".join(column.name for column in alert.columns[:5])
    when = f"{alert.updated_at:%Y-%m-%d %H:%M:%S}"
    return (
        f"{when}  {alert.state:8}  {alert.level:11}  {alert.kind:16}  contact {alert.at_contact:>8,}"
        f"  share {alert.drift_share:4.0%}  {columns}{'' if page is None else f'  {page}'}"
    )


def live_view(settings: Settings, stop: Flag) -> None:
    """Redraw once a second until ``stop`` is set."""
    counter = Counter(settings)
    firing: dict[str, Alert] = {}
    before, at = counter.read(), time.monotonic()
    alerts = tail(settings, ALERTS, stop, wait_ms=200)
    with Live(console=Console(), refresh_per_second=4, screen=False) as live:
        while not stop.is_set():
            _apply_news(alerts, firing)
            now, now_at = counter.read(), time.monotonic()
            rate = (now.scored - before.scored) / max(1e-9, now_at - at)
            before, at = now, now_at
            live.update(render(now, rate, champion(settings), firing, labels(settings)))
            stop.wait(0.5)


def _apply_news(alerts: Iterator[object], firing: dict[str, Alert]) -> None:
    for record in alerts:
        if record is None:
            return
        alert = decode(Alert, record.value)  # type: ignore[attr-defined]
        if alert.state == "firing":
            firing[alert.id] = alert
        else:
            firing.pop(alert.id, None)


def render(
    counts: Counts, rate: float, version: str | None, firing: dict[str, Alert], account: LabelAccount
) -> RenderableType:
    """The view as a function of what is shown."""
    head = Text.assemble(
        ("Driftline  ", "bold"),
        f"champion {version or '(none)'}   {counts.replayed:,} replayed   {counts.scored:,} scored ({rate:,.0f}/s)   ",
        f"{counts.monitored:,} monitored   {counts.dead_letters:,} dead letters\n",
        ("Labels  ", "bold"),
        labels_line(account),
    )
    if not firing:
        return Group(head, Panel("Nothing fires: the contacts look like those the model knows.", style="green"))
    return Group(head, *(_alert_panel(alert) for alert in firing.values()))


def _alert_panel(alert: Alert) -> Panel:
    table = Table(expand=True, box=None)
    table.add_column("column")
    for name in ("statistic", "threshold", "effect"):
        table.add_column(name, justify="right")
    table.add_column("what changed", ratio=1)
    for column in alert.columns[:10]:
        table.add_row(
            column.name,
            f"{column.statistic:.3f}",
            f"{column.threshold:.3f}",
            f"{column.effect:+.2f}",
            f"{column.direction}: {column.cause}",
        )
    title = (
        f"{alert.kind} · {alert.level} · {alert.drift_share:.0%} of the columns · since contact {alert.at_contact:,}"
    )
    return Panel(Group(Text(alert.summary), table), title=title, border_style=LEVEL_STYLES[alert.level])
