"""What the engine carries from pane to pane: window, evidence, how far each partition has come, and what fires.

All of it is JSON-able, and an engine that goes on from it goes on identically.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.events import Alert, Kind, Pane
from monitor.reference import Codes
from monitor.sequential import Evidence


@dataclass(frozen=True)
class PartitionMark:
    """How far a partition's panes have been taken: the last complete one, and what is partial after it.

    A pane may come as several events, one a model version.
    """

    pane: int = -1
    last: int = -1
    versions: tuple[str, ...] = ()
    partial: Mapping[str, int] = field(default_factory=dict)

    def knows(self, pane: Pane) -> bool:
        """Whether the pane has been taken; by offsets, since pane numbers change meaning with the pane's size."""
        sibling = pane.pane == self.pane and pane.model_version not in self.versions
        return pane.offsets[-1] <= self.last and not sibling

    def after(self, pane: Pane) -> PartitionMark:
        """The mark once a complete pane has been taken."""
        versions = (*self.versions, pane.model_version) if pane.pane == self.pane else (pane.model_version,)
        return PartitionMark(pane.pane, max(self.last, pane.offsets[-1]), versions)


@dataclass(frozen=True)
class Window:
    """The last contacts, in the order of the panes: codes, where they stood (partition, offset), and when (µs)."""

    codes: Codes
    places: NDArray[np.int64]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def then(self, other: Window, keep: int) -> Window:
        """With later contacts appended, the last ``keep`` of all."""
        if not len(self):
            return Window(other.codes[-keep:], other.places[-keep:], other.times[-keep:])
        return Window(
            np.concatenate([self.codes, other.codes])[-keep:],
            np.concatenate([self.places, other.places])[-keep:],
            np.concatenate([self.times, other.times])[-keep:],
        )

    def part(self, begin: int, end: int) -> Window:
        """A stretch of it."""
        return Window(self.codes[begin:end], self.places[begin:end], self.times[begin:end])


FORMAT = 3
"""Of the JSON; another number means other statistics."""
EMPTY = Window(np.empty((0, 0), np.uint16), np.empty((0, 2), np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class Firing:
    """An alert that fires.

    Attributes:
        alert: as last published.
        tests: (feature, share or -1) of all that was over its threshold since it began.
        calm: for how many contacts these tests have found nothing.
    """

    alert: Alert
    started_contact: int
    tests: tuple[tuple[int, int], ...] = ()
    calm: int = 0


@dataclass(frozen=True)
class EngineState:
    """Everything the fold carries.

    Attributes:
        entered: the contacts of complete panes.
        accepted: for kinds of alert the columns whose change somebody has accepted, while the reference is the same.
    """

    entered: int = 0
    marks: Mapping[int, PartitionMark] = field(default_factory=dict)
    version: str | None = None
    newest: int = 0
    since_switch: int = 0
    window: Window = EMPTY
    evidence: Evidence | None = None
    firing: Mapping[Kind, Firing] = field(default_factory=dict)
    accepted: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)

    @property
    def monitored(self) -> int:
        """Distinct contacts seen, those of partial panes included."""
        return self.entered + sum(sum(mark.partial.values()) for mark in self.marks.values())

    def with_firing(self, kind: Kind, held: Firing | None) -> EngineState:
        """The same, with another alert of this kind, or none."""
        others = {other: kept for other, kept in self.firing.items() if other != kind}
        return replace(self, firing=others if held is None else others | {kind: held})

    def with_empty_window(self) -> EngineState:
        """The same, with a window that fills anew: what fires goes on firing until that is full and calm."""
        return replace(self, window=EMPTY, since_switch=0, evidence=None)

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "format": FORMAT,
            "entered": self.entered,
            "marks": {str(p): [m.pane, m.last, list(m.versions), dict(m.partial)] for p, m in self.marks.items()},
            "version": self.version,
            "newest": self.newest,
            "since_switch": self.since_switch,
            "codes": packed(self.window.codes),
            "evidence": None if self.evidence is None else self.evidence.to_json(),
            "places": packed(self.window.places),
            "times": packed(self.window.times),
            "firing": {
                kind: [msgspec.to_builtins(f.alert), f.started_contact, [list(test) for test in f.tests], f.calm]
                for kind, f in self.firing.items()
            },
            "accepted": {kind: list(columns) for kind, columns in self.accepted.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EngineState:
        """The inverse of `to_json`.

        Raises:
            ValueError: the state was written by a version of Driftline with other statistics.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a monitor's state of format {data.get('format')}, not {FORMAT}: start a new monitor")
        return cls(
            entered=data["entered"],
            marks={int(p): PartitionMark(m[0], m[1], tuple(m[2]), dict(m[3])) for p, m in data["marks"].items()},
            version=data["version"],
            newest=data["newest"],
            since_switch=data["since_switch"],
            window=Window(unpacked(data["codes"]), unpacked(data["places"]), unpacked(data["times"])),
            evidence=None if data["evidence"] is None else Evidence.from_json(data["evidence"]),
            firing={
                kind: Firing(msgspec.convert(f[0], Alert), f[1], tuple((j, i) for j, i in f[2]), f[3])
                for kind, f in data["firing"].items()
            },
            accepted={kind: tuple(columns) for kind, columns in data["accepted"].items()},
        )


def packed(array: NDArray[Any]) -> list[Any]:
    """Shape, type and compressed bytes; column by column, because a column's neighbours are alike."""
    return [list(array.shape), array.dtype.str, base64.b64encode(zlib.compress(array.T.tobytes(), 1)).decode()]


def unpacked(held: Sequence[Any]) -> NDArray[Any]:
    """The inverse of `packed`."""
    shape, dtype, data = held
    flat = np.frombuffer(zlib.decompress(base64.b64decode(data)), dtype)
    return np.ascontiguousarray(flat.reshape(shape[::-1]).T)
