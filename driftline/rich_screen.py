"""The screen of `driftline watch`: a function of what was seen, the time, and the size of the terminal.

The text alone says everything that its colours do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from rich.text import Text

from driftline.counts import labels_line
from driftline.events import LEVELS, Alert, DriftedColumn, Kind, WindowReport
from driftline.kafka_watch import Seen
from driftline.rich_view import GOOD, LEVEL_STYLES

TALL = 34
"""Lines from which on there is room for more than the eight columns that are described."""
LOW = 18
"""Lines below which what fires is shown rather than a curve."""
FILL = "driftline replay scenario:sector_shift --onset 1000 --rate 500"
EIGHTHS = " ▁▂▃▄▅▆▇█"
LEFT = " ▏▎▍▌▋▊▉█"
MARK = "┊"
GUIDE = "┈"


@dataclass(frozen=True)
class Levels:
    """The drift shares from which on the level of an alert rises."""

    investigate: float
    alert: float

    def style(self, share: float) -> str:
        """Of a share."""
        if share <= 0:
            return GOOD
        level = "alert" if share >= self.alert else "investigate" if share >= self.investigate else "monitor"
        return LEVEL_STYLES[level]


def screen(seen: Seen | None, now: datetime, levels: Levels, width: int, height: int, *, trouble: str = "") -> Text:
    """The whole view: at most ``height`` lines, none wider than ``width`` cells."""
    tall = height >= TALL
    lines = list(_head(seen, now, width, trouble))
    if seen is not None:
        if seen.report is None:
            lines += _empty(seen, width)
        else:
            lines += _share(seen, seen.report, now, levels, width, 5 if tall else 0 if height < LOW else 3)
            alerts = 10 if tall else min(5, max(1, len(seen.alerts)))
            lines += _columns(seen.report, width, height - len(lines) - 2 - alerts)
        lines += _alerts(seen, now, width, height - len(lines) - 1)
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True, end="").join(lines[:height])


def _head(seen: Seen | None, now: datetime, width: int, trouble: str) -> Iterator[Text]:
    about = Text.assemble(("Driftline  ", "bold"), champion_line(seen, now) if seen else "")
    yield _ends(about, Text(f"{now:%H:%M:%S} UTC"), width)
    if seen is None:
        yield Text(trouble or "reading the topics …", LEVEL_STYLES["alert"] if trouble else "")
        return
    yield Text(f"contacts   {contacts_line(seen)}")
    yield Text(f"behind     {behind_line(seen)}")
    yield Text(f"labels     {labels_line(seen.labels)}")
    yield Text(trouble, LEVEL_STYLES["alert"])


def contacts_line(seen: Seen) -> str:
    """How many came how far, and how fast."""
    counts = seen.counts
    replayed, scored = ("", "") if seen.rates is None else (f" ({rate:,.0f}/s)" for rate in seen.rates)
    return f"{counts.replayed:,} replayed{replayed}, {counts.scored:,} scored{scored}"


def behind_line(seen: Seen) -> str:
    """What is not scored and not monitored yet, and what never will be."""
    counts = seen.counts
    scorer, monitor = counts.replayed - counts.scored - counts.dead_letters, counts.scored - counts.monitored
    behind = f"{max(0, scorer):,} scorer, {max(0, monitor):,} monitor"
    return f"{behind}; {counts.monitored:,} monitored, {counts.dead_letters:,} dead letters"


def champion_line(seen: Seen, now: datetime | None = None) -> str:
    """Who is champion, and since when; and what was decided last about a challenger."""
    if seen.champion is None or seen.since is None:
        return "no champion yet: `driftline retrain` makes the first one"
    age = "" if now is None else f" ({ago((now - seen.since).total_seconds())})"
    since = f"{seen.since:%H:%M:%S}" if now and now.date() == seen.since.date() else f"{seen.since:%Y-%m-%d %H:%M:%S}"
    told = f"champion {seen.champion} since {since}{age}"
    decided = seen.decision
    if decided is not None and decided.model_version != seen.champion:
        told += f", version {decided.model_version} {decided.decision}"
    return told


def ago(seconds: float) -> str:
    """A stretch of time in its largest unit.

    >>> ago(3.2), ago(200), ago(9_000), ago(300_000)
    ('3 s', '3 min', '2 h', '3 d')
    """
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _rule(left: str, width: int, right: str = "") -> Text:
    right = f" {right} " if right else "─"
    gap = max(1, width - len(left) - len(right) - 6)
    return Text.assemble(("── ", "dim"), (left, "bold"), (f" {'─' * gap}", "dim"), right, ("──", "dim"))


def _ends(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis", pad=True)
    return Text.assemble(left, " ", right)


def _empty(seen: Seen, width: int) -> Iterator[Text]:
    yield _rule("Nothing is monitored yet", width)
    if seen.champion is None:
        yield Text("`driftline retrain` makes the first champion; what comes meanwhile is scored then.")
    elif seen.counts.replayed:
        yield Text("Contacts are on their way: the first pane is still filling, or the monitor starting.")
    else:
        yield Text("No contact has come yet. To send some, in another terminal:")
    yield Text(f"    {FILL}", "bold")


def _share(seen: Seen, report: WindowReport, now: datetime, levels: Levels, width: int, height: int) -> Iterator[Text]:
    age = ago((now - report.at).total_seconds())
    size = f"{report.window.contacts:,} contacts" if report.full else f"filling, {report.window.contacts:,} contacts"
    promise = "" if report.promise.holds else ", no promise"
    yield _rule(f"Drift share {report.drift_share:.0%}", width, f"window {size}, newest {age} ago{promise}")
    yield from curve(seen.shares, levels, width, height)


def curve(shares: Sequence[float], levels: Levels, width: int, height: int) -> Iterator[Text]:
    """Drift shares from 0 to 1, the newest at the right, ``height`` lines; the levels are told where they lie."""
    names = {_row(levels.alert, height): f"{levels.alert:4.0%} alert      "}
    names[_row(levels.investigate, height)] = f"{levels.investigate:4.0%} investigate"
    shown = list(shares)[-max(0, width - 17) :]
    for row in reversed(range(height)):
        line = Text.assemble((f"{names.get(row, ''):16} ", "dim"))
        line.append((GUIDE if row in names else " ") * (width - 17 - len(shown)), "dim")
        for share in shown:
            eighths = round(min(1.0, share) * height * 8) - 8 * row
            if eighths > 0:
                line.append(EIGHTHS[min(8, eighths)], levels.style(share))
            else:
                line.append("▁" if row == 0 else GUIDE if row in names else " ", "dim")
        yield line


def _row(share: float, height: int) -> int:
    return min(height - 1, int(share * height))


def _columns(report: WindowReport, width: int, room: int) -> Iterator[Text]:
    """The strongest columns: name, bar, strength, and what changed; nothing where there is no room for one."""
    if room < 1:
        return
    ranked = [column.name for column in report.columns]
    others = sorted(set(report.strengths) - set(ranked), key=lambda name: -report.strengths[name])
    described = {column.name: column for column in report.columns}
    drifting = f"{len(report.drifting)} of {len(report.strengths)} columns drift"
    yield _rule("Columns", width, f"{drifting}; {MARK} is the threshold")
    names = [*ranked, *others][:room]
    across = max(10, min(30, (width - 60) // 2))
    most = max([2.0, *(report.strengths.get(name, 0.0) for name in names)])
    for name in names:
        strength = report.strengths.get(name, 0.0)
        drifts = name in report.drifting
        label = Text(name, "bold" if drifts else "")
        label.truncate(18, overflow="ellipsis", pad=True)
        yield Text.assemble(
            ("● " if drifts else "  ", LEVEL_STYLES["alert"]), label, " ", bar(strength, most, across),
            f"{strength:5.1f}× ", _cause(described.get(name), report),
        )  # fmt: skip


def _cause(column: DriftedColumn | None, report: WindowReport) -> str:
    if column is None or not (report.full or report.drifting):
        return ""
    return column.cause if column.name in report.drifting else "as in the reference"


def bar(strength: float, most: float, width: int) -> Text:
    """A strength on a scale from 0 to ``most``, with a mark at 1, the threshold."""
    eighths, mark = round(min(strength, most) / most * width * 8), min(width - 1, int(width / most))
    found = Text()
    for cell in range(width):
        full = min(8, max(0, eighths - 8 * cell))
        style = LEVEL_STYLES["alert"] if cell >= mark else LEVEL_STYLES["monitor"]
        found.append(*((MARK, "") if cell == mark else (LEFT[full], style)))
    return found


def _alerts(seen: Seen, now: datetime, width: int, room: int) -> Iterator[Text]:
    """What fires, the gravest first, then what was resolved last."""
    kinds = get_args(Kind)
    firing = sorted(seen.firing, key=lambda alert: (-LEVELS.index(alert.level), kinds.index(alert.kind)))
    resolved = [alert for alert in seen.alerts if alert.state == "resolved"]
    many = f"{len(firing)} firing" if firing else "nothing fires"
    yield _rule("Alerts", width, f"{many}, {len(resolved)} resolved")
    if not seen.alerts and seen.report is not None:
        yield Text("None so far: the contacts look like those that the model knows.", GOOD)
    for alert in [*firing, *resolved][: max(0, room)]:
        yield _alert(alert, now)


def _alert(alert: Alert, now: datetime) -> Text:
    fires = alert.state == "firing"
    changed = ago((now - alert.updated_at).total_seconds())
    return Text.assemble(
        ("● " if fires else "✓ ", LEVEL_STYLES[alert.level] if fires else GOOD),
        f"{alert.state:8}  ",
        (f"{alert.level:11}", LEVEL_STYLES[alert.level] if fires else ""),
        f"  {alert.kind:16}  {changed:>6}  ",
        ", ".join(column.name for column in alert.columns),
    )
