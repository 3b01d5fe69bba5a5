"""What is replayed when: contacts in order of time, labels after their delay, at a pace, with pauses.

A replay has a clock of its own, in seconds: the time of contact where the original pace is kept (``--speed``) or the
order alone (``--fast``), the contact's number over the rate where there is one. It stands still while the replay is
paused or not running, so that what is due when is the same however often a replay is interrupted.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from threading import Event as Flag
from typing import NamedTuple, Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from driftline.events import Contact, Label

TICK = 0.002
"""Seconds. Sleeps take some 0.1 ms longer than asked for, so what is due this soon goes now."""
CATCH_UP = 1.0
"""Seconds of delay that are made up for; beyond that the schedule moves, rather than a burst follows a stall."""
NO_TIME = -math.inf
"""Of contacts before the first time of their source: they come first, and at once."""


class Step(NamedTuple):
    """A contact of one source, or the bytes in its place, with its label if it has one."""

    time: float
    """Epoch seconds at which it occurred; `NO_TIME` where that is not known."""
    source: str
    """See `replay_id`."""
    position: int
    """Among the contacts of its source, in the source's own order: what ``--resume`` goes by."""
    contact: Contact | bytes
    engaged: int | None
    labelled_at: datetime | None


class Sender(Protocol):
    """Where contacts and labels go, and what stands there already."""

    def has_contact(self, source: str, position: int) -> bool:
        """Whether this contact is there from before."""

    def has_label(self, source: str, position: int) -> bool:
        """Whether the label of this contact is."""

    def contact(self, source: str, position: int, contact: Contact | bytes) -> None:
        """Take one contact."""

    def label(self, source: str, position: int, label: Label) -> None:
        """Take one label."""


class Pace(Protocol):
    """When things happen; `Pacer` is the real one."""

    def at(self, index: int, time: float) -> float:
        """Where on the replay's clock the contact of this number and time stands."""

    def stamped(self, contact: Contact, at: float) -> Contact:
        """The contact as it is sent, once its time has come."""

    def moment(self, at: float) -> datetime:
        """The time now, once this time of the replay's clock has come."""


@dataclass
class Played:
    """What a replay has sent so far; ``skipped`` contacts were there already, ``malformed`` ones are among all."""

    contacts: int = 0
    labels: int = 0
    skipped: int = 0
    malformed: int = 0
    first_at: datetime | None = None
    """When the first of the contacts was sent."""
    last_at: datetime | None = None
    """When the last one was."""

    @property
    def rate(self) -> float:
        """Contacts per second from the first to the last; 0 of fewer than two."""
        if self.first_at is None or self.last_at is None or self.last_at <= self.first_at:
            return 0.0
        return (self.contacts - 1) / (self.last_at - self.first_at).total_seconds()


class _Waiting(NamedTuple):
    """A label that is due at a time of the replay's clock, or with the contact of a number."""

    due: float
    number: int
    source: str
    position: int
    contact_id: str
    engaged: int


def replay_id(content: str | bytes, place: str = "", run: str = "") -> str:
    """The name that the records of a replay carry: what is replayed, where it was found, and which run it is.

    >>> replay_id("scenario:sector_shift", run="01")
    'ca132f331a428a9a.e3b0c442.01'
    """
    told = _bytes_of(content) if isinstance(content, str) else content
    return f"{hashlib.sha256(told).hexdigest()[:16]}.{hashlib.sha256(_bytes_of(place)).hexdigest()[:8]}.{run}"


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # not every file's name is UTF-8


def latest_run(name: str, names: Iterable[str]) -> str | None:
    """Of the names on a topic, the newest run of the same content.

    Raises:
        ValueError: there is none, but some of what was at the same place before it changed.
    """
    content, place, _ = name.split(".")
    parts = [(other.split("."), other) for other in names if other.count(".") == 2]
    runs = sorted((run, other) for (what, _, run), other in parts if what == content)
    if not runs and any(where == place for (_, where, _), _ in parts):
        raise ValueError("it has changed since it was replayed: leave --resume out to replay it as it is now")
    return runs[-1][1] if runs else None


def order_of_time(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Stable order of time; what has none keeps its place behind its predecessor, with the predecessor's time.

    Args:
        times: epoch seconds in the source's order, NaN where there is none.

    Returns:
        All times filled, in the source's order; and the positions in order of time, None if they are so already.

    >>> order_of_time(np.array([np.nan, 30.0, np.nan, 10.0]))
    (array([-inf,  30.,  30.,  10.]), array([0, 3, 1, 2]))
    """
    last = np.maximum.accumulate(np.where(np.isnan(times), -1, np.arange(len(times))))
    filled = np.where(last >= 0, times[last], NO_TIME)
    ordered = bool((filled[1:] >= filled[:-1]).all())
    return filled, None if ordered else np.argsort(filled, kind="stable")


def merged(sources: Sequence[Iterable[Step]]) -> Iterator[Step]:
    """Several sources, each in order of time, as one; at the same time the source named first comes first."""
    return iter(sources[0]) if len(sources) == 1 else heapq.merge(*sources, key=attrgetter("time"))


class Pacer:
    """Holds everything back until its time has come, by due times that do not add up the delays of single sleeps.

    Args:
        rate: contacts per second; None for no limit.
        speed: multiple of the pace at which the contacts occurred; contacts without a time follow at once.
        clock: the time now.
        sleep: waits for some seconds, or less: until a pause begins, or until it is to end (then it returns true).
        paused: whether the replay is. A pause moves the schedule, so that no burst follows.
        waiting: told, before a wait, how many seconds it will take.
    """

    def __init__(
        self,
        *,
        rate: float | None,
        speed: float | None,
        clock: Callable[[], datetime],
        sleep: Callable[[float], object],
        paused: Callable[[], bool] = lambda: False,
        waiting: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._gap = None if rate is None else 1.0 / rate
        self._free = rate is None and speed is None
        self._seconds_per_second = speed or 1.0
        self._clock = clock
        self._sleep = sleep
        self._paused = paused
        self._waiting = waiting
        self._began: datetime | None = None
        self._began_at = 0.0
        self._seen: datetime | None = None
        self._passed = 0

    def __call__(self, contact: Contact) -> Contact:
        """`stamped`, for who replays contacts one after the other."""
        time = NO_TIME if contact.occurred_at is None else contact.occurred_at.timestamp()
        self._passed += 1
        return self.stamped(contact, self.at(self._passed - 1, time))

    def at(self, index: int, time: float) -> float:
        """As in `Pace`."""
        return time if self._gap is None else index * self._gap

    def stamped(self, contact: Contact, at: float) -> Contact:
        """As in `Pace`."""
        return replace(contact, sent_at=self.moment(at))

    def moment(self, at: float) -> datetime:
        """As in `Pace`; at once where there is no pace, or no time. Returns early when `sleep` says so."""
        now = self._now()
        if self._paused():
            now = self._after_the_pause(now)
        if self._free or at == NO_TIME:
            return now
        while True:
            if self._began is None:
                self._began, self._began_at = now, at
            wait = (at - self._began_at) / self._seconds_per_second - (now - self._began).total_seconds()
            if wait < -CATCH_UP:
                self._began += timedelta(seconds=-wait - CATCH_UP)
            if wait <= TICK:
                return now
            self._waiting(wait)
            to_end = self._sleep(wait)
            now = self._now()
            if to_end or not self._paused():
                return now
            now = self._after_the_pause(now)

    def _now(self) -> datetime:
        """The time; a clock that is set back moves the schedule with it."""
        now = self._clock()
        if self._began is not None and self._seen is not None and now < self._seen:
            self._began -= self._seen - now
        self._seen = now
        return now

    def _after_the_pause(self, since: datetime) -> datetime:
        while self._paused() and not self._sleep(0.1):
            pass
        now = self._now()
        if self._began is not None:
            self._began += max(timedelta(0), now - since)
        return now


def play(
    steps: Iterable[Step],
    sender: Sender,
    pace: Pace,
    played: Played,
    *,
    delay: int | timedelta | None = 0,
    stop: Flag | None = None,
) -> None:
    """Send contacts in their order, and the label of each when it is due; leave out what is there already.

    What a source holds in place of a contact goes out too: the scorer makes a dead letter of it, with its reason,
    bytes and offset, so that nothing is lost.

    Args:
        played: counts what has been sent; whoever shows it may look at any time.
        delay: of labels: so many contacts, so long on the replay's clock, or (None) until the time that the source
            gives for the label, at once where it gives none. At the end, those that wait for contacts follow at once,
            those that wait for a time when it has come.
        stop: ends the replay before the next contact or label.
    """
    _Play(sender, pace, played, delay, stop or Flag()).all(steps)


class _Play:
    """One replay under way: `play`."""

    def __init__(self, sender: Sender, pace: Pace, played: Played, delay: int | timedelta | None, stop: Flag) -> None:
        self._sender = sender
        self._pace = pace
        self._by_count = isinstance(delay, int)
        self._delay = delay
        self._stop = stop
        self._played = played
        self._labels: list[_Waiting] = []  # a heap
        self._sent_at: datetime | None = None
        """When the last contact was sent."""

    def all(self, steps: Iterable[Step]) -> None:
        for index, step in enumerate(steps):
            at = self._pace.at(index, step.time)
            if not self._by_count:
                self._labels_due(at)
            if self._stop.is_set() or not self._contact(step, at):
                return
            if step.engaged is not None and isinstance(step.contact, Contact):
                due = index + self._delay if isinstance(self._delay, int) else self._due(step, at)
                label = _Waiting(due, index, step.source, step.position, step.contact.id, step.engaged)
                heapq.heappush(self._labels, label)
            if self._by_count:
                self._labels_due(index)
        self._labels_due(math.inf)

    def _contact(self, step: Step, at: float) -> bool:
        """Send it, unless it is there; false where the replay was stopped instead."""
        played, contact = self._played, step.contact
        if self._sender.has_contact(step.source, step.position):
            played.skipped += 1
            return True
        if isinstance(contact, bytes):
            self._sent_at = self._pace.moment(at)
        else:
            contact = self._pace.stamped(contact, at)
            self._sent_at = contact.sent_at
        if self._stop.is_set():
            return False
        self._sender.contact(step.source, step.position, contact)
        played.first_at = played.first_at or self._sent_at
        played.last_at = self._sent_at
        played.contacts += 1
        played.malformed += isinstance(contact, bytes)
        return True

    def _due(self, step: Step, at: float) -> float:
        """When its label is, on the replay's clock."""
        if isinstance(self._delay, timedelta):
            return at + self._delay.total_seconds()
        return at if step.labelled_at is None else max(at, step.labelled_at.timestamp())

    def _labels_due(self, until: float) -> None:
        """Send those due up to a time of the replay's clock, or a number of contacts."""
        while self._labels and self._labels[0].due <= until and not self._stop.is_set():
            label = heapq.heappop(self._labels)
            if self._sender.has_label(label.source, label.position):
                continue
            now = self._sent_at if self._by_count else None
            if now is None:
                now = self._pace.moment(NO_TIME if self._by_count else label.due)
                if self._stop.is_set():
                    return
            sent = Label(contact_id=label.contact_id, engaged=label.engaged, labelled_at=now)
            self._sender.label(label.source, label.position, sent)
            self._played.labels += 1
