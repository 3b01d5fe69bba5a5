"""The demo: one local stack, a calm stretch, a drift, and what became of it."""

from __future__ import annotations

import os
import shutil
import sys
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import Any, TypedDict

from driftline.counts import Counter, champion, monitored_before
from driftline.events import Alert, ModelEvent, decode
from driftline.kafka_clients import tail
from driftline.local_stack import LocalStack, StackError, is_up
from driftline.redis_client import ALERTS_STREAM, UNREACHABLE, open_redis
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS

Say = Callable[[str], None]
PATIENCE = 40.0
"""Seconds that the last contacts, and a retraining under way, are waited for."""
LAST_STRETCH = 1_500
"""Contacts kept for the model that comes out of a retraining: a window, and then some."""


@dataclass(frozen=True)
class DemoOptions:
    """What to replay; the drift sets in after a quarter of the contacts."""

    scenario: str
    contacts: int
    rate: float
    severity: float
    seed: int

    @property
    def onset(self) -> int:
        """Contacts before the drift."""
        return self.contacts // 4


@dataclass(frozen=True)
class SeenAlert:
    """A state change of an alert, and when (epoch seconds) it stood in Redis."""

    alert: Alert
    at: float


class Summary(TypedDict):
    """`driftline demo --json`."""

    contacts: dict[str, int]
    scenario: dict[str, Any]
    alerts: list[dict[str, Any]]
    retraining: list[dict[str, Any]]
    champion: dict[str, str | None]
    seconds: dict[str, float | None]


class Demo:
    """Runs once; the stages come in from the composition root, and ``show``, which opens an address for people."""

    def __init__(
        self,
        settings: Settings,
        options: DemoOptions,
        *,
        replay: Callable[[Settings, DemoOptions, Callable[[int], None]], object],
        say: Say,
        show: Callable[[str], object] = lambda _: None,
    ) -> None:
        # 500 new labels come in the calm stretch already: a new model then would hide what the demo is to show.
        # And in a run of half a minute no alert can wait for a cooldown.
        own = {"home": settings.home / "demo", "new_labels": 0, "cooldown_seconds": 0.0}
        self._settings = settings.model_copy(update=own)
        self._options = options
        self._replay = replay
        self._say = say
        self._show = show
        self._stop = Flag()
        self._alerts: list[SeenAlert] = []
        self._decisions: list[ModelEvent] = []
        self._started = time.time()

    def run(self) -> Summary:
        """Start, replay, wait for what is under way, stop.

        Raises:
            StackError: the stack did not start or did not stay up, or the contacts were not all dealt with.
        """
        self._say("starting the local stack: broker, Redis, scorer, monitor, retrainer, dashboard")
        self._forget_the_last_demo()
        with LocalStack(self._settings, self._say) as stack:
            stack.start_workers()
            stack.wait_until_ready()
            before = champion(stack.settings)
            ready = time.time()
            self._say(f"ready after {ready - self._started:.1f} s, champion is version {before}")
            if (dashboard := stack.settings.dashboard_address) is not None:
                self._say(f"look on at {dashboard}")
                self._show(dashboard)
            watchers = [
                Thread(target=watch, args=(stack.settings,)) for watch in (self._watch_redis, self._watch_models)
            ]
            for thread in watchers:
                thread.start()
            try:
                self._replay_all(stack)
                counts = self._wait_until_settled(stack)
            finally:
                self._stop.set()
                for thread in watchers:
                    thread.join(3)
            after = champion(stack.settings)
            onset = monitored_before(stack.settings, self._options.onset)
        return self._summary(counts, before, after, ready, onset)

    def _forget_the_last_demo(self) -> None:
        """A demo starts from nothing, unless another one is running here: then `LocalStack` says so."""
        if not is_up(self._settings.home):
            shutil.rmtree(self._settings.home, ignore_errors=True)

    def _replay_all(self, stack: LocalStack) -> None:
        options = self._options
        self._say(f"replaying {options.contacts:,} contacts at {options.rate:,.0f} a second: first a calm stretch")
        supervised = 0.0

        def progress(sent: int) -> None:
            nonlocal supervised
            if sent == options.onset:
                self._say(f"contact {sent:,}: from here on {options.scenario}, severity {options.severity:g}")
            elif sent % (options.contacts // 8) == 0:
                self._say(f"contact {sent:,}")
            if sent == options.contacts - LAST_STRETCH:
                self._let_retraining_finish(stack, sent)
            if time.monotonic() - supervised > 1:
                supervised = time.monotonic()
                stack.supervise()

        self._replay(stack.settings, options, progress)

    def _let_retraining_finish(self, stack: LocalStack, sent: int) -> None:
        """Hold the last contacts back until a new champion, if there is to be one, can meet them."""
        counter, deadline = Counter(stack.settings), time.monotonic() + PATIENCE
        unfinished = stack.settings.pane * stack.settings.partitions
        while time.monotonic() < deadline:
            if counter.read().monitored >= sent - unfinished and self._nothing_under_way():
                return
            stack.supervise()
            time.sleep(0.2)

    def _wait_until_settled(self, stack: LocalStack) -> dict[str, int]:
        counter = Counter(stack.settings)
        deadline = time.monotonic() + PATIENCE
        while True:
            counts = counter.read()
            if counts.settled and self._nothing_under_way():
                return counts.as_dict()
            if time.monotonic() > deadline:
                raise StackError(
                    f"after {PATIENCE:.0f} s not everything is dealt with ({counts}): see {stack.home / 'logs'}"
                )
            stack.supervise()
            time.sleep(0.3)

    def _nothing_under_way(self) -> bool:
        """Every alert that asks for retraining is decided upon, or over, or about a model that has been replaced."""
        replaced = {decision.champion for decision in self._decisions if decision.decision == "promoted"}
        last = {seen.alert.id: seen.alert for seen in self._alerts}
        asked = {
            alert.id
            for alert in last.values()
            if alert.state == "firing" and alert.level == "retrain" and alert.model_version not in replaced
        }
        return asked <= {decision.trigger for decision in self._decisions}

    def _watch_redis(self, settings: Settings) -> None:
        """Note each state change the moment it stands in Redis."""
        redis, last = open_redis(settings), "0-0"
        while not self._stop.is_set():
            try:
                reply: Any = redis.xread({ALERTS_STREAM: last}, block=200)
                for _, entries in reply or ():
                    for entry, fields in entries:
                        self._note(decode(Alert, fields["json"].encode()))
                        last = entry
            except UNREACHABLE:
                self._stop.wait(0.2)

    def _note(self, alert: Alert) -> None:
        self._alerts.append(SeenAlert(alert, time.time()))
        self._say(
            f"{alert.state.upper()} {alert.kind}, level {alert.level}, at contact {alert.at_contact:,}: {alert.summary}"
        )

    def _watch_models(self, settings: Settings) -> None:
        for record in tail(settings, MODEL_EVENTS, self._stop):
            if record is None:
                continue
            event = decode(ModelEvent, record.value)
            if event.event == "decided":
                self._decisions.append(event)
                self._say(f"challenger {event.model_version} {event.decision}: {event.why}")

    def _summary(
        self, counts: dict[str, int], before: str | None, after: str | None, ready: float, onset: int
    ) -> Summary:
        """``onset``: contacts monitored before the first drifted one, counted as the alerts count."""
        options = self._options
        first = next((seen.at for seen in self._alerts if seen.alert.state == "firing"), None)
        return {
            "contacts": counts,
            "scenario": {
                "name": options.scenario,
                "severity": options.severity,
                "onset_contact": onset,
                "seed": options.seed,
            },
            "alerts": [_alert_line(seen, onset) for seen in self._alerts],
            "retraining": [_decision_line(decision) for decision in self._decisions],
            "champion": {"before": before, "after": after},
            "seconds": {
                "to_ready": round(ready - self._started, 2),
                "to_first_alert": None if first is None else round(first - self._started, 2),
                "total": round(time.time() - self._started, 2),
            },
        }

    def print_summary(self, summary: Summary) -> None:
        """The summary for people."""
        counts, seconds = summary["contacts"], summary["seconds"]
        print(
            f"\n{counts['replayed']:,} contacts replayed, {counts['scored']:,} scored,"
            f" {counts['monitored']:,} monitored, {counts['dead_letters']:,} dead letters, in {seconds['total']:.0f} s"
        )
        for alert in summary["alerts"]:
            late = alert["delay_contacts"]
            when = "before the drift set in" if late is None else f"{late:,} contacts after the drift set in"
            print(f"  {alert['state']:8} {alert['kind']}, level {alert['level']}, {when}")
        for decision in summary["retraining"]:
            low, high = decision["interval"]
            print(
                f"  challenger {decision['challenger']} {decision['decision']}:"
                f" ΔAUC {decision['delta_auc']:+.3f} [{low:+.3f}, {high:+.3f}] on {decision['labels']} held-out labels"
            )
        print(f"  champion: {summary['champion']['before']} → {summary['champion']['after']}")


def open_browser(address: str) -> None:
    """Open a page beside what runs, where somebody sits before a screen; nothing waits for the browser."""
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen and sys.stderr.isatty():
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _alert_line(seen: SeenAlert, onset: int) -> dict[str, Any]:
    alert = seen.alert
    return {
        "id": alert.id,
        "kind": alert.kind,
        "state": alert.state,
        "level": alert.level,
        "at_contact": alert.at_contact,
        "delay_contacts": alert.at_contact - onset if alert.at_contact >= onset else None,
        "delay_seconds": round(seen.at - alert.updated_at.timestamp(), 3),
        "columns": [column.name for column in alert.columns],
    }


def _decision_line(event: ModelEvent) -> dict[str, Any]:
    return {
        "trigger": event.trigger,
        "decision": event.decision,
        "champion": event.champion,
        "challenger": event.model_version,
        "labels": event.labels,
        "delta_auc": event.delta_auc,
        "interval": list(event.interval or ()),
    }
