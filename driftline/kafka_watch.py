"""What `driftline watch` shows, followed on the topics by a thread: it counts records, and computes nothing else.

Whatever happens to the broker, what was last known stays, with the time at which it was; after that it is read anew.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from typing import Any

from driftline.counts import Counter, Counts, labels
from driftline.events import Alert, E, LabelAccount, ModelEvent, WindowReport, decode
from driftline.kafka_clients import KafkaError, tail
from driftline.settings import Settings
from driftline.topics import ALERTS, MODEL_EVENTS, WINDOWS, Topic

HISTORY = 240
"""Reports of the window that are remembered, and read at the beginning: two minutes of a busy stream."""
COUNT_SECONDS = 1.0
"""Between two counts; each opens connections of its own."""
LABEL_SECONDS = 5.0
"""Between two looks at the labels, which come with the monitor's whole state."""
RATE_SECONDS = 5.0
"""That a rate is a mean of."""
GONE_SECONDS = 4.0
"""For a look at the topics: it has waited for the broker."""


@dataclass(frozen=True)
class Seen:
    """What the topics tell at a moment.

    Attributes:
        at: when they were last read.
        rates: contacts replayed and scored per second; None before there are two counts.
        since: when the champion took over.
        decision: the newest about a challenger.
        shares: the drift shares of the last reports, the newest last.
        alerts: the newest state of each, the last changed first.
    """

    at: datetime
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0))
    rates: tuple[float, float] | None = None
    labels: LabelAccount = field(default_factory=LabelAccount)
    champion: str | None = None
    since: datetime | None = None
    decision: ModelEvent | None = None
    report: WindowReport | None = None
    shares: tuple[float, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that fire now."""
        return tuple(alert for alert in self.alerts if alert.state == "firing")


class Follower:
    """Reads the topics in a thread until ``stop`` is set; `seen` is what they told last, None before the first time."""

    def __init__(self, settings: Settings, stop: Flag) -> None:
        self.seen: Seen | None = None
        self._settings = settings
        self._stop = stop
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the thread to end, as ``stop`` has asked it to; one that hangs in the network is left behind."""
        self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (KafkaError, OSError):  # told by the age of what was last known
                self._stop.wait(0.5)

    def _follow(self) -> None:
        """Read the topics from their beginning, until the broker has been away: it may have lost them."""
        topics = _Topics(self._settings, self._stop)
        seen = self.seen = topics.read(Seen(datetime.now(UTC)))
        began = time.monotonic()
        while not self._stop.wait(0.1) and time.monotonic() - began < GONE_SECONDS:
            began = time.monotonic()
            seen = self.seen = topics.read(seen)


class _Topics:
    """What there is to read, and how far it has been read."""

    def __init__(self, settings: Settings, stop: Flag) -> None:
        counter, rates = Counter(settings), _Rates()
        self._models = _News(settings, MODEL_EVENTS, ModelEvent, stop)
        self._windows = _News(settings, WINDOWS, WindowReport, stop, start=-HISTORY)
        self._alerts = _News(settings, ALERTS, Alert, stop)
        self._count = _Every(COUNT_SECONDS, lambda seen: _counted(seen, counter, rates))
        self._label = _Every(LABEL_SECONDS, lambda seen: replace(seen, labels=labels(settings)))

    def read(self, seen: Seen) -> Seen:
        """What was seen, and what has come since."""
        for event in self._models.read():
            seen = _with_model(seen, event)
        for report in self._windows.read():
            seen = replace(seen, report=report, shares=(*seen.shares, report.drift_share)[-HISTORY:])
        for alert in self._alerts.read():
            seen = replace(seen, alerts=(alert, *(one for one in seen.alerts if one.id != alert.id)))
        return replace(self._label(self._count(seen)), at=datetime.now(UTC))


class _News:
    """The events of a topic that have come since the last look."""

    def __init__(self, settings: Settings, topic: Topic, kind: type[E], stop: Flag, start: int = 0) -> None:
        self._records = tail(settings, topic, stop, start=start, wait_ms=50)
        self._kind: type[Any] = kind

    def read(self) -> Iterator[Any]:
        """In their order; what is none is its readers' to complain about."""
        for record in self._records:
            if record is None:
                return
            with suppress(ValueError):
                yield decode(self._kind, record.value or b"")


class _Every:
    """Does something at most every so many seconds."""

    def __init__(self, seconds: float, do: Callable[[Seen], Seen]) -> None:
        self._seconds, self._do, self._due = seconds, do, 0.0

    def __call__(self, seen: Seen) -> Seen:
        if time.monotonic() < self._due:
            return seen
        seen = self._do(seen)
        self._due = time.monotonic() + self._seconds
        return seen


class _Rates:
    """Contacts per second, over the last counts."""

    def __init__(self) -> None:
        self._passed: deque[tuple[float, Counts]] = deque()

    def after(self, counts: Counts) -> tuple[float, float] | None:
        now = time.monotonic()
        self._passed.append((now, counts))
        while len(self._passed) > 2 and now - self._passed[0][0] > RATE_SECONDS:
            self._passed.popleft()
        then, before = self._passed[0]
        if now <= then:
            return None
        return (counts.replayed - before.replayed) / (now - then), (counts.scored - before.scored) / (now - then)


def _counted(seen: Seen, counter: Counter, rates: _Rates) -> Seen:
    counts = counter.read()
    return replace(seen, counts=counts, rates=rates.after(counts))


def _with_model(seen: Seen, event: ModelEvent) -> Seen:
    if event.event == "champion":
        return replace(seen, champion=event.model_version, since=event.at)
    return replace(seen, decision=event) if event.event == "decided" else seen
