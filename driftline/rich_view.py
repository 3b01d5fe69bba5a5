"""What the terminal shows: progress bars, alerts as lines, a backtest. The live view is in rich_watch.py."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event as Flag
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from driftline.events import Alert, decode
from driftline.kafka_clients import read_all, tail
from driftline.settings import Settings
from driftline.topics import ALERTS

# Of the 256 colours those that can be read on black and on white.
GOOD = "color(28)"
LEVEL_STYLES = {
    "monitor": "color(31)",
    "investigate": "color(166)",
    "alert": "bold color(160)",
    "retrain": "bold color(160)",
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
            words.append(f"next in {_duration(self.next_at - now)}")
        elif self._total and rate and self._total > self.dealt_with:
            words.append(f"{_duration((self._total - self.dealt_with) / rate)} left")
        return ", ".join(words)


def _duration(seconds: float) -> timedelta:
    """For people, of 30,000 years at most: a `timedelta` does not hold every wait that may be asked for."""
    return timedelta(seconds=round(min(seconds, 1e12)))


@contextmanager
def replay_progress(sent: Sent, total: int | None, asked: float | None = None) -> Iterator[ReplayView]:
    """A progress bar on standard error, where that is a terminal; what was sent is said at the end in any case."""
    view, console = ReplayView(sent, total, asked), Console(stderr=True)
    if not console.is_terminal:
        yield view
        return
    with Live(get_renderable=view.render, console=console, refresh_per_second=5):
        yield view


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
        console.print(f"no false-alarm rate is promised: {promise['why']}", style=LEVEL_STYLES["investigate"])
    for column, why in found["untested"].items():
        console.print(f"{column}: {why}", style=LEVEL_STYLES["investigate"], highlight=False)
    if not found["alerts"]:
        console.print("no alerts", style=GOOD)
        return
    for alert in found["alerts"]:
        style = LEVEL_STYLES[alert["level"]] if alert["state"] == "firing" else GOOD
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
    """An alert for `grep` and `awk`: one line, columns without blanks, the id to `--ack` it by, and where to read more.

    Args:
        page: the address of its page.
    """
    columns = ",".join(column.name.replace(" ", "_") for column in alert.columns) or "-"
    return (
        f"{alert.updated_at:%Y-%m-%dT%H:%M:%SZ}  {alert.id:16}  {alert.state:8}  {alert.level:11}  {alert.kind:16}"
        f"  {alert.at_contact:>9}  {alert.drift_share:>4.0%}  {columns}  {page or '-'}"
    )


def print_alert(alert: Alert, page: str | None = None) -> None:
    """An alert for people: what and when on one line, and under it, as wide as the terminal, what it is about.

    Where standard output is no terminal, `alert_line`.
    """
    console = Console()
    if not console.is_terminal:
        print(alert_line(alert, page), flush=True)
        return
    style = LEVEL_STYLES[alert.level] if alert.state == "firing" else GOOD
    state = (f"{alert.state:8}  {alert.level:11}", style)
    head = Text.assemble(f"{alert.updated_at:%Y-%m-%d %H:%M:%S}  ", state, f"  {alert.kind:16}  ", (alert.id, "dim"))
    console.print(head, no_wrap=True, overflow="ellipsis")
    console.print(Padding(Text(f"at contact {alert.at_contact:,}: {alert.summary}"), (0, 0, 0, 4)))
    if page is not None:
        console.print(Padding(Text(page, style="dim"), (0, 0, 0, 4)), soft_wrap=True)
