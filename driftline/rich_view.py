"""What the terminal shows: a progress bar for replays, alerts as lines, and the live view of `driftline watch`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
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


@contextmanager
def replay_progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields the function that moves it."""
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("replaying", total=total, rate="")
        started = time.monotonic()

        def move(sent: int) -> None:
            rate = sent / max(1e-9, time.monotonic() - started)
            bar.update(task, completed=sent, rate=f"{rate:,.0f}/s")

        yield move


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


def alert_line(alert: Alert) -> str:
    """One alert for people, on one line."""
    columns = ", ".join(column.name for column in alert.columns[:5])
    when = f"{alert.updated_at:%Y-%m-%d %H:%M:%S}"
    return (
        f"{when}  {alert.state:8}  {alert.level:11}  {alert.kind:16}  contact {alert.at_contact:>8,}"
        f"  share {alert.drift_share:4.0%}  {columns}"
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
