"""What the dashboard does when it is asked: acknowledge, roll back, make a report.

MLflow and Evidently cost seconds and hundreds of megabytes, so what needs them runs as a command of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from driftline.events import Alert
from driftline.kafka_acknowledge import acknowledge
from driftline.settings import Settings
from monitor.dashboard_feed import Feed

Say = Callable[[str], None]
ROLLBACK_SECONDS = 120.0
REPORT_SECONDS = 180.0
REPORTS = 50
"""That are kept."""
_CLI = (sys.executable, "-m", "driftline.cli")


class RefusedError(ValueError):
    """Something that is not done.

    Args:
        status: of the HTTP answer.
        detail: why, and what to do.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Actions:
    """The two things that change something; one of them at a time.

    Args:
        environment: variables of the commands.
    """

    def __init__(self, settings: Settings, feed: Feed, say: Say, environment: Mapping[str, str]) -> None:
        self._settings, self._feed, self._say, self._environment = settings, feed, say, environment
        self._busy = Lock()

    def acknowledge(self, alert_id: str) -> Alert:
        """Accept the change of an alert that fires; returns the alert as it is then.

        Raises:
            RefusedError: 404 no such alert; 409 it does not fire, or something else is under way; 503 no answer.
        """
        known = self._feed.read(lambda state: state.alert(alert_id))
        if known is None:
            raise unknown_alert(alert_id)
        if not known["acknowledge"]:
            raise RefusedError(409, "this alert does not fire any more: there is nothing to acknowledge")
        with _Alone(self._busy):
            self._say(f"acknowledging alert {alert_id}, as asked on the dashboard")
            try:
                return acknowledge(self._settings, alert_id)
            except RuntimeError as fault:
                raise RefusedError(503, str(fault)) from None

    def rollback(self, champion: str) -> dict[str, Any]:
        """Go back to the version that was champion before; returns the versions before and after.

        Args:
            champion: the version that whoever asks took for the champion.

        Raises:
            RefusedError: 409 another one is, or something else is under way; 500 it failed; 504 it did not end.
        """
        with _Alone(self._busy):
            now = self._feed.read(lambda state: state.models.champion)
            if champion != now:
                raise RefusedError(409, f"the champion is {now or 'none'} by now: look again before you roll back")
            self._say(f"rolling back from version {champion}, as asked on the dashboard")
            # It may be another one once the command, which takes seconds to start, gets to it.
            done = _run(
                [*_CLI, "model", "rollback", f"--from={champion}", "--json"], ROLLBACK_SECONDS, self._environment
            )
            found: dict[str, Any] = json.loads(done)["champion"]
            self._say(f"champion: {found['before']} → {found['after']}")
            return found


class Reports:
    """The Evidently reports of alerts: made one at a time, kept as files."""

    def __init__(self, folder: Path, feed: Feed, say: Say, environment: Mapping[str, str]) -> None:
        self._folder, self._feed, self._say, self._environment = folder, feed, say, environment
        self._lock = Lock()
        self._making: str | None = None
        self._failed: dict[str, RefusedError] = {}

    def get(self, alert_id: str) -> Path:
        """The report of an alert as it last fired, or, while that is made, of a while before.

        The first one who asks has it made, and asks again.

        Raises:
            RefusedError: 404 no such alert; 503 it is being made, or another one is; or why it could not be made.
        """
        known = self._feed.read(lambda state: state.alert(alert_id))
        if known is None:
            raise unknown_alert(alert_id)
        path = self._folder / _name(known["fired"] or known["alert"])
        with self._lock:
            if path.exists():
                return path
            failed = self._failed.pop(path.name, None)
            if failed is None and self._making is None:
                self._making = path.name
                Thread(target=self._make, args=(alert_id, path), name="report", daemon=True).start()
            mine = self._making == path.name
        if older := self._of_the_same_alert(path):
            return older[-1]
        if failed is not None:
            raise failed
        raise RefusedError(503, f"{'the' if mine else 'another'} report is being made: it takes some seconds")

    def _of_the_same_alert(self, path: Path) -> list[Path]:
        """Reports of it as it was at other times, the newest last."""
        alert = path.name.partition("-")[0]
        others = [other for other in self._folder.glob(f"{alert}-*.html") if other != path]
        return sorted(others, key=lambda file: file.stat().st_mtime)

    def _make(self, alert_id: str, path: Path) -> None:
        draft = path.with_name(f"part-{path.name}")
        failed: RefusedError | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            tether = [sys.executable, "-m", "driftline.tether", str(os.getpid())]
            command = [*tether, *_CLI, "report", f"--alert={alert_id}", "-o", str(draft)]
            _run(command, REPORT_SECONDS, self._environment)
            draft.replace(path)
            everything = sorted(self._folder.glob("*.html"), key=lambda file: file.stat().st_mtime)
            for old in {*self._of_the_same_alert(path), *everything[:-REPORTS]}:
                old.unlink()
        except RefusedError as fault:
            failed = fault
        except OSError as fault:
            failed = RefusedError(500, f"cannot keep reports in {self._folder} ({fault.strerror})")
        finally:
            with self._lock:
                self._making = None
                if failed is not None:
                    self._failed[path.name] = failed
        if failed is not None:
            draft.unlink(missing_ok=True)
            self._say(f"no report of alert {alert_id}: {failed.detail}")


class _Alone:
    """Holds a lock, or refuses where somebody else does."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise RefusedError(409, "another action is under way: try again in a moment")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def unknown_alert(alert_id: str) -> RefusedError:
    """There is none of this id."""
    return RefusedError(404, f"there is no alert {alert_id[:64]}, or it is older than the dashboard remembers")


def _name(alert: Alert) -> str:
    """A file name of the alert and of when it was so, which says nothing: an id may hold anything."""
    parts = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in (alert.id, alert.updated_at.isoformat()))
    return "-".join(parts) + ".html"


def _run(command: list[str], seconds: float, environment: Mapping[str, str]) -> str:
    """What a command prints.

    Raises:
        RefusedError: 500 with its last line where it fails, 504 where it takes longer.
    """
    try:
        done = subprocess.run(
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RefusedError(504, f"it did not end within {seconds:.0f} s and was stopped") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RefusedError(500, lines[-1].removeprefix("driftline: ") if lines else f"exit code {done.returncode}")
    return done.stdout
