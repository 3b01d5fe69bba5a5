"""When a contact is replayed: at a rate, at a multiple of its original pace, or at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from driftline.events import Contact


class Pacer:
    """Holds each contact back until its time has come, and stamps it with that time.

    Args:
        rate: contacts per second; None for no limit.
        speed: multiple of the pace at which the contacts occurred; contacts without a time follow at once.
        clock: the time now.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        *,
        rate: float | None,
        speed: float | None,
        clock: Callable[[], datetime],
        sleep: Callable[[float], object],
    ) -> None:
        self._gap = 0.0 if rate is None else 1.0 / rate
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._began: datetime | None = None
        self._first_occurred: datetime | None = None
        self._passed = 0

    def __call__(self, contact: Contact) -> Contact:
        """Wait, then return the contact as it goes onto the topic."""
        now = self._clock()
        self._began = self._began or now
        due = self._began + timedelta(seconds=self._offset(contact))
        self._passed += 1
        if due > now:
            self._sleep((due - now).total_seconds())
            now = self._clock()
        return replace(contact, sent_at=now)

    def _offset(self, contact: Contact) -> float:
        """Seconds after the first contact at which this one is due."""
        if self._speed is None:
            return self._passed * self._gap
        if contact.occurred_at is None:
            return 0.0
        self._first_occurred = self._first_occurred or contact.occurred_at
        return (contact.occurred_at - self._first_occurred).total_seconds() / self._speed
