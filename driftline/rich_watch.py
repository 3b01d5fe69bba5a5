"""`driftline watch`: a screen that is drawn again twice a second, or, where there is no screen, lines."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from threading import Event as Flag

from rich.console import Console
from rich.live import Live

from driftline.events import Alert
from driftline.kafka_watch import Follower, Seen
from driftline.rich_screen import Levels, ago, behind_line, champion_line, contacts_line, screen
from driftline.settings import Settings

DRAW_SECONDS = 0.5
LINE_SECONDS = 10.0
"""Between two lines that say how the stream stands, where there is no screen."""
SILENCE_SECONDS = 4.0
"""After which a broker that says nothing is said to be away."""


def watch(settings: Settings, stop: Flag) -> None:
    """Show the stream until ``stop`` is set."""
    console, follower = Console(), Follower(settings, stop)
    levels = Levels(settings.investigate_share, settings.alert_share)
    try:
        if console.is_terminal and not console.is_dumb_terminal:
            _draw(console, follower, levels, settings.kafka or "", stop)
        else:
            _write(follower, settings.kafka or "", stop)
    finally:
        follower.close()


def _draw(console: Console, follower: Follower, levels: Levels, broker: str, stop: Flag) -> None:
    began = datetime.now(UTC)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            now = datetime.now(UTC)
            trouble = silence(follower.seen, began, now, broker)
            shown = screen(follower.seen, now, levels, *console.size, trouble=trouble)
            live.update(shown, refresh=True)
            stop.wait(DRAW_SECONDS)


def _write(follower: Follower, broker: str, stop: Flag) -> None:
    """A line for whatever changes, and every ten seconds one that says how it stands; each is written at once."""
    began, lines, due = datetime.now(UTC), Lines(), 0.0
    while not stop.is_set():
        now, seen = datetime.now(UTC), follower.seen
        trouble = silence(seen, began, now, broker)
        told = lines.after(seen, trouble)
        if time.monotonic() >= due and (seen is not None or trouble):
            told.append(trouble or state_line(seen))
            due = time.monotonic() + LINE_SECONDS
        sys.stdout.writelines(f"{now:%Y-%m-%dT%H:%M:%SZ}  {line}\n" for line in dict.fromkeys(told))
        sys.stdout.flush()
        stop.wait(DRAW_SECONDS)


def silence(seen: Seen | None, began: datetime, now: datetime, broker: str) -> str:
    """What to say of a broker that has said nothing for a while; empty as long as it speaks."""
    waited = (now - (began if seen is None else seen.at)).total_seconds()
    if waited < SILENCE_SECONDS:
        return ""
    last = "" if seen is None else "; what is shown is as old"
    return f"the broker at {broker} has not answered for {ago(waited)}, trying again{last}"


class Lines:
    """What is to be said of the stream line by line: what has changed since the last look."""

    def __init__(self) -> None:
        self._trouble = ""
        self._seen: Seen | None = None

    def after(self, seen: Seen | None, trouble: str) -> list[str]:
        """Changes of alerts, champion, drifting columns, and of a broker that goes away or comes back."""
        told = []
        if bool(trouble) != bool(self._trouble):
            told.append(trouble or "the broker answers again")
        before, self._seen, self._trouble = self._seen, seen, trouble
        if seen is None or seen is before:
            return told
        if before is None:
            told += [champion_line(seen), *(_changed(alert) for alert in reversed(seen.firing))]
        else:
            known = {alert.id: alert for alert in before.alerts}
            told += [_changed(alert) for alert in reversed(seen.alerts) if known.get(alert.id) != alert]
            if (seen.champion, seen.decision) != (before.champion, before.decision):
                told.append(champion_line(seen))
        if (drifting := _drifting(seen)) != ([] if before is None else _drifting(before)):
            told.append(f"drifting: {', '.join(drifting) or 'no column'}")
        return told


def _changed(alert: Alert) -> str:
    columns = ", ".join(column.name for column in alert.columns)
    return f"{alert.state} {alert.kind} {alert.id}, level {alert.level}, at contact {alert.at_contact:,}: {columns}"


def _drifting(seen: Seen) -> list[str]:
    """In the order of their names, since that of their strengths changes all the time."""
    return [] if seen.report is None else sorted(seen.report.drifting)


def state_line(seen: Seen | None) -> str:
    """How the stream stands."""
    if seen is None:
        return "nothing read yet"
    report = seen.report
    drift = "no window yet" if report is None else f"drift share {report.drift_share:.0%}"
    return f"{contacts_line(seen)}; behind: {behind_line(seen)}; {drift}; {len(seen.firing)} firing"
