"""The join of scored contacts and their labels, whichever comes first; it holds as much as it may and counts the rest.

Everything follows from the order of the panes topic, so a worker that starts again reads that topic and has the same
join: it is too large for a snapshot, and too simple to need one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec
import numpy as np

from driftline.events import Label, LabelBatch, Pane
from monitor.alerts import microseconds
from monitor.state import PartitionMark

KEY_BYTES = 8
CAPACITY = 100_000
"""Contacts, and labels without one, that are held: some 40 MB at most."""
HELD_DAYS = 28
"""A contact is held for so long. The panes topic is kept for 30 days, so what is held can be read again."""
PATIENCE = 1_000
"""Contacts that come after a label before its own one counts as unknown."""
FORMER = -1
"""The reign of contacts that a model scored after it had been replaced."""

COUNTED = ("former", "repeated", "changed", "early", "rescored", "dropped_labels", "dropped_contacts")
"""What is counted of labels and contacts, by the names of `driftline.events.LabelAccount`."""

Segments = tuple[int, ...]


def contact_key(contact_id: str) -> bytes:
    """Eight bytes that name a contact and say nothing about it.

    Among 100,000 contacts two share theirs with a probability of 3 in 10,000,000,000.
    """
    return hashlib.blake2b(contact_id.encode(), digest_size=KEY_BYTES).digest()


def has_keys(pane: Pane) -> bool:
    """Whether a pane holds what labels are joined with; those of earlier versions of Driftline do not."""
    sizes = len(pane.keys), len(pane.scores), len(pane.times)
    return sizes == (KEY_BYTES * pane.contacts, 4 * pane.contacts, 8 * pane.contacts)


def first_time(pane: Pane) -> int:
    """Time of the oldest contact of a pane, as far as it tells, µs."""
    return int(np.frombuffer(pane.times, "<i8").min()) if has_keys(pane) else microseconds(pane.last_sent_at)


def batch_of(partition: int, labels: Sequence[tuple[int, Label]]) -> LabelBatch:
    """Labels of one partition, each with its offset there, on their way into the fold."""
    return LabelBatch(
        partition=partition,
        offsets=[offset for offset, _ in labels],
        keys=b"".join(contact_key(label.contact_id) for _, label in labels),
        engaged=[label.engaged for _, label in labels],
        labelled_at=[label.labelled_at for _, label in labels],
    )


class Scored(msgspec.Struct, gc=False):
    """A contact as it was scored, and its first label: 0, 1, or -1 as long as there is none.

    ``reign`` tells which champion scored it: a version that comes back reigns anew.
    """

    reign: int
    score: float
    segments: Segments
    partition: int
    offset: int
    time: int
    engaged: int = -1


class Waiting(NamedTuple):
    """A label that came before its contact, and how many contacts had come when it did."""

    engaged: int
    labelled_at: int
    contacts: int


class Joined(NamedTuple):
    """A contact with its first label, and when that was given (µs)."""

    contact: Scored
    labelled_at: int


@dataclass
class LabelJoin:
    """Contacts that wait for a label, and labels that wait for a contact.

    The first label of a contact counts, since a test cannot unsee it; those that come later are counted as repeated or
    changed. A contact that comes again without a label yet is taken as it was scored last.

    Attributes:
        version: the champion, by the panes' own order: the engine's rule.
        counts: what happened to labels and contacts, see `COUNTED`.
        entered: contacts of complete panes.
        newest: time of the newest contact, µs.
    """

    capacity: int = CAPACITY
    version: str | None = None
    reign: int = 0
    newest: int = 0
    entered: int = 0
    panes: dict[int, PartitionMark] = field(default_factory=dict)
    labels: dict[int, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _scored: dict[bytes, Scored] = field(default_factory=dict)
    _waiting: dict[bytes, Waiting] = field(default_factory=dict)

    def knows(self, pane: Pane) -> bool:
        """Whether there is nothing to take from a pane: it is partial, or has been taken."""
        return not pane.complete or self.panes.get(pane.partition, PartitionMark()).knows(pane)

    def begins_reign(self, pane: Pane) -> bool:
        """Whether a pane is the first one of a new champion."""
        return pane.model_version != self.version and microseconds(pane.last_sent_at) > self.newest

    def take(self, pane: Pane, segments: Sequence[Segments]) -> list[Joined]:
        """Let the contacts of a pane in that is not known yet; those whose label had come already.

        Args:
            segments: of each contact.
        """
        if self.begins_reign(pane):
            self.version, self.reign = pane.model_version, self.reign + 1
        reign = self.reign if pane.model_version == self.version else FORMER
        self.panes[pane.partition] = self.panes.get(pane.partition, PartitionMark()).after(pane)
        self.newest = max(self.newest, microseconds(pane.last_sent_at))
        self.entered += pane.contacts
        if not has_keys(pane):
            return []
        scores, times = np.frombuffer(pane.scores, "<f4").tolist(), np.frombuffer(pane.times, "<i8").tolist()
        rows = zip(_keys(pane.keys), scores, segments, pane.offsets, times, strict=True)
        joined = [
            self._let_in(key, Scored(reign, score, held, pane.partition, offset, time))
            for key, score, held, offset, time in rows
        ]
        self._forget()
        return [one for one in joined if one is not None]

    def match(self, batch: LabelBatch) -> list[Joined]:
        """Contacts whose first label is in a batch. Labels of offsets that have been taken are left out."""
        known = self.labels.get(batch.partition, -1)
        rows = zip(batch.offsets, _keys(batch.keys), batch.engaged, batch.labelled_at, strict=True)
        found = [self._label(key, engaged, microseconds(at)) for offset, key, engaged, at in rows if offset > known]
        self.labels[batch.partition] = max(known, batch.offsets[-1])
        while len(self._waiting) > self.capacity:
            del self._waiting[next(iter(self._waiting))]
            self.counts["dropped_labels"] += 1
        return [one for one in found if one is not None]

    @property
    def waiting(self) -> int:
        """Labels without a contact that may still come."""
        return len(self._waiting) - self._overdue

    @property
    def unknown(self) -> int:
        """Labels without a contact that should have come, those given up included."""
        return self._overdue + self.counts["dropped_labels"]

    @property
    def _overdue(self) -> int:
        due = self.entered - PATIENCE
        return sum(1 for _ in takewhile(lambda one: one.contacts <= due, self._waiting.values()))

    def _let_in(self, key: bytes, contact: Scored) -> Joined | None:
        before = self._scored.get(key)
        if before is not None:
            self.counts["rescored"] += 1
            if before.engaged < 0:
                del self._scored[key]  # to stand with the newest
                self._scored[key] = contact
            return None
        self._scored[key] = contact
        label = self._waiting.pop(key, None)
        return None if label is None else self._join(contact, label.engaged, label.labelled_at)

    def _label(self, key: bytes, engaged: int, labelled_at: int) -> Joined | None:
        contact = self._scored.get(key)
        if contact is not None and contact.engaged < 0:
            return self._join(contact, engaged, labelled_at)
        first = self._waiting.get(key) if contact is None else contact
        if first is not None:
            self.counts["repeated" if first.engaged == engaged else "changed"] += 1
        else:
            self._waiting[key] = Waiting(engaged, labelled_at, self.entered)
        return None

    def _join(self, contact: Scored, engaged: int, labelled_at: int) -> Joined:
        contact.engaged = engaged
        self.counts["early"] += labelled_at < contact.time
        return Joined(contact, labelled_at)

    def _forget(self) -> None:
        """Give up the oldest contacts, beyond the capacity and after their days."""
        oldest = self.newest - timedelta(days=HELD_DAYS) // timedelta(microseconds=1)
        for key in list(self._overfull(oldest)):
            self.counts["dropped_contacts"] += self._scored.pop(key).engaged < 0

    def _overfull(self, oldest: int) -> Iterator[bytes]:
        surplus = len(self._scored) - self.capacity
        for place, (key, contact) in enumerate(self._scored.items()):
            if place >= surplus and contact.time >= oldest:
                return
            yield key

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data, but for what is held."""
        return {
            "version": self.version,
            "newest": self.newest,
            "entered": self.entered,
            "panes": {str(p): [m.pane, m.last, list(m.versions)] for p, m in self.panes.items()},
            "labels": {str(p): offset for p, offset in self.labels.items()},
            "counts": dict(self.counts),
        }

    def with_json(self, data: Mapping[str, Any]) -> LabelJoin:
        """The state of `to_json`, holding what this one does: it has taken the same panes and batches."""
        return LabelJoin(
            capacity=self.capacity,
            version=data["version"],
            reign=self.reign,
            newest=data["newest"],
            entered=data["entered"],
            panes={int(p): PartitionMark(m[0], m[1], tuple(m[2])) for p, m in data["panes"].items()},
            labels={int(p): offset for p, offset in data["labels"].items()},
            counts=Counter(data["counts"]),
            _scored=self._scored,
            _waiting=self._waiting,
        )


def _keys(packed: bytes) -> list[bytes]:
    return [packed[at : at + KEY_BYTES] for at in range(0, len(packed), KEY_BYTES)]
