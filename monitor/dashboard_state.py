"""What the dashboard shows, as a function of what was read: events and figures in, one document out. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from driftline.events import Alert, DeadLetter, LabelAccount, ModelEvent, WindowReport
from monitor.dashboard_document import (
    AlertStory,
    Change,
    Latency,
    Moment,
    Reason,
    Recent,
    Written,
    latency,
    milliseconds,
    plain_reason,
    recent,
)
from monitor.dashboard_models import ModelHistory

PARTS = ("health", "performance", "window", "alerts", "models", "predictions")
"""Of the document; each is sent whole when something in it has changed."""
MOMENTS = 240
ALERTS = 100
SECONDS = 300
SECOND = 0.95
"""What counts as one, for whoever looks every half."""
NEWEST = 20
REASONS = 10
DIFFERENT_REASONS = 1_000
"""That are counted apart; what comes after is counted together."""


@dataclass(frozen=True)
class Looked:
    """What was found on a look around: the parts, the workers, the retrainer."""

    parts: dict[str, dict[str, Any]]
    workers: dict[str, dict[str, Any]]
    retraining: dict[str, str] | None


@dataclass(frozen=True)
class Tally:
    """How many contacts had come how far at a moment."""

    replayed: int
    scored: int
    monitored: int
    dead_letters: int


@dataclass
class DashboardState:
    """What has been read so far. The methods that take something in return the parts of the document that changed."""

    settings: dict[str, Any]
    moments: deque[Moment] = field(default_factory=lambda: deque(maxlen=MOMENTS))
    models: ModelHistory = field(default_factory=ModelHistory)
    trouble: str | None = None
    """What is being waited for."""
    _window: WindowReport | None = None
    _alert_seconds: float | None = None
    _alerts: OrderedDict[str, AlertStory] = field(default_factory=OrderedDict)
    _letters: set[tuple[str, int, int]] = field(default_factory=set)
    _reasons: Counter[str] = field(default_factory=Counter)
    _last_letter: dict[str, datetime] = field(default_factory=dict)
    _seconds: deque[tuple[datetime, float | None, float | None]] = field(default_factory=lambda: deque(maxlen=SECONDS))
    _tally: Tally | None = None
    _labels: LabelAccount = LabelAccount()  # noqa: RUF009  (frozen)
    _second: tuple[datetime, Tally | None] | None = None
    """When the last of the seconds was, and what was counted then."""
    _predictions: tuple[Recent, ...] = ()
    _latency: Latency | None = None
    _looked: Looked | None = None

    def restarted(self) -> DashboardState:
        """The state of a broker that has forgotten everything; what was seen on a look around is still so."""
        return DashboardState(self.settings, _looked=self._looked, trouble=self.trouble)

    # What comes in.

    def window_reported(self, report: WindowReport, written: datetime) -> tuple[str, ...]:
        """A window report, and when it was written onto its topic."""
        self._window = report
        self._alert_seconds = max(0.0, round((written - report.at).total_seconds(), 3))
        self.moments.append(
            Moment(
                report.at, report.at_contact, report.model_version, report.full, report.drift_share, report.drifting,
                {column: round(strength, 4) for column, strength in report.strengths.items()},
            )
        )  # fmt: skip
        return ("window", "performance")

    def alerted(self, alert: Alert) -> tuple[str, ...]:
        """A change of state of an alert."""
        story = self._alerts.pop(alert.id, None)
        change = Change(alert.state, alert.level, alert.updated_at, alert.at_contact, alert.drift_share)
        changes = [] if story is None else story.changes
        if change not in changes:
            changes = [*changes, change]
        fired = alert if alert.state == "firing" else None if story is None else story.fired
        self._alerts[alert.id] = AlertStory(alert, changes, fired)
        if len(self._alerts) > ALERTS:
            self._forget_an_alert()
        return ("alerts", "health")

    def _forget_an_alert(self) -> None:
        """The one without news for the longest time; rather one that is resolved."""
        resolved = (alert_id for alert_id, story in self._alerts.items() if story.alert.state == "resolved")
        self._alerts.pop(next(resolved, next(iter(self._alerts))))

    def model_changed(self, event: ModelEvent) -> tuple[str, ...]:
        """A model event."""
        self.models.take(event)
        return ("models", "health")

    def set_aside(self, letter: DeadLetter) -> tuple[str, ...]:
        """A dead letter; one that a crash made a worker write twice is counted once."""
        place = (letter.topic, letter.partition, letter.offset)
        if place in self._letters:
            return ()
        self._letters.add(place)
        reason = plain_reason(letter.reason)
        if reason not in self._reasons and len(self._reasons) >= DIFFERENT_REASONS:
            reason = "other reasons"
        self._reasons[reason] += 1
        self._last_letter[reason] = letter.failed_at.astimezone(UTC)
        return ("performance",)

    def counted(self, tally: Tally | None, at: datetime) -> tuple[str, ...]:
        """How far the contacts have come; None where that cannot be told. Called more than once a second."""
        changed = ["performance"] if self._tick(tally, at) else []
        if tally is not None and tally != self._tally:
            self._tally = tally
            changed += ["health", "performance"]
        return tuple(dict.fromkeys(changed))

    def _tick(self, tally: Tally | None, at: datetime) -> bool:
        """Note the rates of the last second, if it is over."""
        if self._second is None:
            self._second = (at, tally)
            return False
        since, before = self._second
        passed = (at - since).total_seconds()
        if passed < SECOND:
            return False
        rates: tuple[float | None, float | None] = (None, None)
        if tally is not None and before is not None:
            done = (tally.replayed - before.replayed, tally.scored - before.scored)
            if min(done) >= 0:
                rates = (round(done[0] / passed, 1), round(done[1] / passed, 1))
        self._second = (at, tally)
        self._seconds.append((at, *rates))
        return True

    def labelled(self, account: LabelAccount) -> tuple[str, ...]:
        """What became of the labels."""
        before, self._labels = self._labels, account
        return () if account == before else ("health",)

    def sampled(self, newest: Iterable[Written]) -> tuple[str, ...]:
        """The newest predictions, of all partitions, in any order."""
        ordered = sorted(newest, key=lambda one: one.at, reverse=True)
        newest_ones = tuple(recent(one) for one in ordered[:NEWEST])
        speed = latency([milliseconds(one) for one in ordered])
        changed = [] if newest_ones == self._predictions else ["predictions"]
        if speed != self._latency:
            changed.append("performance")
        self._predictions, self._latency = newest_ones, speed
        return tuple(changed)

    def looked_around(self, looked: Looked) -> tuple[str, ...]:
        """What the parts and workers are like."""
        before, self._looked = self._looked, looked
        return () if looked == before else ("health",)

    def troubled(self, trouble: str | None) -> tuple[str, ...]:
        """What is being waited for, None where nothing is."""
        before, self.trouble = self.trouble, trouble
        return () if trouble == before else ("health",)

    # What goes out.

    def document(self, now: datetime) -> dict[str, Any]:
        """The whole state."""
        parts: dict[str, Any] = {"now": now} | {name: self.part(name) for name in PARTS}
        return parts | {"history": list(self.moments), "settings": self.settings}

    def part(self, name: str) -> Any:
        """One part of the document, as it is now."""
        found: Any = getattr(self, f"_{name}_part")()
        return found

    def alert(self, alert_id: str) -> dict[str, Any] | None:
        """Everything about one alert; None where there is none of this id."""
        story = self._alerts.get(alert_id)
        if story is None:
            return None
        caused = self.models.caused_by(alert_id)
        can = story.alert.state == "firing" and story.alert.model_version == self.models.champion
        told = {"alert": story.alert, "changes": story.changes, "fired": story.fired}
        return told | {"decisions": caused, "acknowledge": can}

    def _health_part(self) -> dict[str, Any]:
        looked = self._looked or Looked({}, {}, None)
        score, monitor = self._lags()
        lags = {"score": score, "monitor": monitor}
        return {
            "parts": looked.parts,
            "workers": {name: worker | {"lag": lags.get(name)} for name, worker in looked.workers.items()},
            "contacts": vars(self._tally or Tally(0, 0, 0, 0)),
            "labels": msgspec.to_builtins(self._labels),
            "champion": self.models.champion,
            "firing": [alert_id for alert_id, story in self._alerts.items() if story.alert.state == "firing"],
            "retraining": looked.retraining,
            "trouble": self.trouble,
        }

    def _performance_part(self) -> dict[str, Any]:
        score, monitor = self._lags()
        reasons = [Reason(reason, count, self._last_letter[reason]) for reason, count in self._reasons.most_common()]
        return {
            "at": [at.replace(microsecond=0) for at, _, _ in self._seconds],
            "replayed": [replayed for _, replayed, _ in self._seconds],
            "scored": [scored for _, _, scored in self._seconds],
            "latency_ms": self._latency,
            "alert_seconds": self._alert_seconds,
            "lag": {"score": score, "monitor": monitor},
            "dead_letters": {"count": len(self._letters), "reasons": reasons[:REASONS]},
        }

    def _window_part(self) -> WindowReport | None:
        return self._window

    def _alerts_part(self) -> Sequence[AlertStory]:
        """What fires comes first, and of either the newest."""
        newest = sorted(self._alerts.values(), key=lambda story: story.alert.updated_at, reverse=True)
        return sorted(newest, key=lambda story: story.alert.state != "firing")

    def _models_part(self) -> dict[str, Any]:
        return self.models.document()

    def _predictions_part(self) -> Sequence[Recent]:
        return self._predictions

    def _lags(self) -> tuple[int | None, int | None]:
        tally = self._tally
        if tally is None:
            return None, None
        return max(0, tally.replayed - tally.scored - tally.dead_letters), max(0, tally.scored - tally.monitored)
