"""The dashboard's state between those who read the topics and those who look at it.

Each part of the document is encoded once after it has changed, whoever looks at it. A viewer remembers what it has
seen and asks for what is newer, so that one who is slow misses what lay between and keeps nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from monitor.dashboard_state import PARTS, DashboardState

MOMENTS_KEPT = 20
"""For viewers who are behind by so many: ten seconds. One who is more so is sent the whole state."""

encode_json = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True)
class Seen:
    """What a viewer has seen: the life of the state, how often each part had changed, how many moments there were."""

    life: int
    parts: dict[str, int]
    moments: int


@dataclass
class Feed:
    """The state, shared by threads; ``clock`` tells the time of the document."""

    state: DashboardState
    clock: Callable[[], datetime]
    closed: bool = False
    """Whether there is to be no more news."""
    _lock: Lock = field(default_factory=Lock)
    _life: int = 0
    _changes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    _moments: int = 0
    _encoded: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _newest: dict[int, bytes] = field(default_factory=dict)
    _listeners: set[Callable[[], None]] = field(default_factory=set)

    def update(self, change: Callable[[DashboardState], tuple[str, ...]]) -> None:
        """Take something in; ``change`` returns the parts that it changed."""
        with self._lock:
            before = self.state.moments[-1] if self.state.moments else None
            changed = change(self.state)
            for name in changed:
                self._changes[name] += 1
            if self.state.moments and self.state.moments[-1] is not before:
                self._moments += 1
                self._newest[self._moments] = event("moment", encode_json(self.state.moments[-1]))
                self._newest.pop(self._moments - MOMENTS_KEPT, None)
        if changed:
            self._tell()

    def restart(self) -> None:
        """The broker has forgotten everything, and so does the state."""
        with self._lock:
            self.state = self.state.restarted()
            self._life += 1
            self._newest.clear()
            for name in PARTS:
                self._changes[name] += 1
        self._tell()

    def close(self) -> None:
        """Send the viewers home."""
        self.closed = True
        self._tell()

    def listen(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have ``tell`` called, from any thread, after each change; returns what ends that."""
        with self._lock:
            self._listeners.add(tell)
        return lambda: self._listeners.discard(tell)

    def read(self, look: Callable[[DashboardState], Any]) -> Any:
        """Something of the state."""
        with self._lock:
            return look(self.state)

    def document(self) -> bytes:
        """The whole state as JSON."""
        with self._lock:
            return encode_json(self.state.document(self.clock()))

    def news(self, seen: Seen | None) -> tuple[bytes, Seen]:
        """What has come since, as server-sent events, and what has been seen then; all of it for a new viewer."""
        with self._lock:
            now = Seen(self._life, dict(self._changes), self._moments)
            if seen is None or seen.life != now.life or now.moments - seen.moments > len(self._newest):
                return event("state", encode_json(self.state.document(self.clock()))), now
            told = [self._part(name) for name in PARTS if now.parts[name] != seen.parts[name]]
            told += [self._newest[number] for number in range(seen.moments + 1, now.moments + 1)]
            return b"".join(told), now

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for tell in listeners:
            tell()

    def _part(self, name: str) -> bytes:
        number = self._changes[name]
        if self._encoded.get(name, (0, b""))[0] != number:
            self._encoded[name] = (number, event(name, encode_json(self.state.part(name))))
        return self._encoded[name][1]


def event(name: str, data: bytes) -> bytes:
    r"""One server-sent event (WHATWG HTML, 9.2.5); JSON holds no line break.

    >>> event("alerts", b"[]")
    b'event: alerts\ndata: []\n\n'
    """
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
