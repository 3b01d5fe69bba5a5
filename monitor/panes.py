"""Cutting scored contacts into panes.

Pane ``k`` of a partition covers the contacts' own offsets [k·B, (k+1)·B). It is finished when all its offsets were
seen, or one at or past its end (a dead-lettered contact leaves a hole, and scorers send in order). The first
occurrence of an offset wins: what a crash made the scorer send again is dropped. So a pane depends on the log alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from driftline.events import Pane, Prediction
from monitor.alerts import microseconds
from monitor.labels import contact_key

H = TypeVar("H")
Encode = Callable[[str, list[Prediction]], bytes]
"""(model version, scored contacts) → the codes of a pane, as `driftline.events.Pane` holds them."""


@dataclass(frozen=True)
class Finished(Generic[H]):
    """A complete pane, one event per model version in it, and the handles that may be acknowledged once it is out."""

    panes: list[Pane]
    handles: list[H]


@dataclass
class _Open(Generic[H]):
    contacts: dict[int, Prediction] = field(default_factory=dict)
    handles: list[H] = field(default_factory=list)


@dataclass
class _Partition(Generic[H]):
    panes: dict[int, _Open[H]] = field(default_factory=dict)
    highest: int = -1
    finished_before: int = 0
    dropped: list[H] = field(default_factory=list)


class PaneBuilder(Generic[H]):
    """Holds the panes that are not finished yet, of any number of partitions."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._partitions: dict[int, _Partition[H]] = {}

    def add(self, partition: int, scored: Prediction, handle: H) -> None:
        """Take in the next contact of a partition, in the order of the log."""
        held = self._partitions.setdefault(partition, _Partition())
        number = scored.source_offset // self._size
        held.highest = max(held.highest, scored.source_offset)
        if number < held.finished_before:
            held.dropped.append(handle)
            return
        pane = held.panes.setdefault(number, _Open())
        pane.contacts.setdefault(scored.source_offset, scored)
        pane.handles.append(handle)

    def versions(self) -> set[str]:
        """The model versions of everything held."""
        return {
            scored.model_version
            for held in self._partitions.values()
            for pane in held.panes.values()
            for scored in pane.contacts.values()
        }

    def finished(self, encode: Encode) -> Iterator[Finished[H]]:
        """Hand out, in order, the panes that have become complete; they are forgotten here."""
        for partition, held in sorted(self._partitions.items()):
            if held.dropped:
                yield Finished([], held.dropped)
                held.dropped = []
            for number in sorted(held.panes):
                pane = held.panes[number]
                full = len(pane.contacts) == self._size or held.highest >= (number + 1) * self._size
                if not full:
                    break
                del held.panes[number]
                held.finished_before = number + 1
                yield Finished(list(_events(partition, number, pane.contacts, encode, complete=True)), pane.handles)

    def partial(self, partition: int, encode: Encode) -> list[Pane]:
        """The unfinished pane of a quiet partition as it is now; it stays here."""
        held = self._partitions.get(partition, _Partition())
        return [
            event
            for number, pane in sorted(held.panes.items())
            for event in _events(partition, number, pane.contacts, encode, complete=False)
        ]

    def clear(self) -> None:
        """Forget everything: the partitions have been given away, and their log will be read again."""
        self._partitions.clear()


def _events(
    partition: int, number: int, contacts: dict[int, Prediction], encode: Encode, *, complete: bool
) -> Iterator[Pane]:
    by_version: dict[str, list[Prediction]] = {}
    for offset in sorted(contacts):
        by_version.setdefault(contacts[offset].model_version, []).append(contacts[offset])
    for version, scored in by_version.items():
        yield Pane(
            partition=partition,
            pane=number,
            model_version=version,
            complete=complete,
            contacts=len(scored),
            offsets=[one.source_offset for one in scored],
            last_sent_at=max(one.sent_at for one in scored),
            codes=encode(version, scored),
            keys=b"".join(contact_key(one.contact_id) for one in scored),
            scores=np.array([one.score for one in scored], "<f4").tobytes(),
            times=np.array([microseconds(one.sent_at) for one in scored], "<i8").tobytes(),
        )
