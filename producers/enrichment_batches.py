"""Which contacts are asked about, and in which batches: a plan that a dry run and a real run share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from producers.enrichment_fields import Fields, Profile, is_open, profile_of
from producers.labelled import Labelled

REACH = 500
"""Contacts that may come after the first of a batch before it is sent, full or not: what is read ahead is bounded."""


@dataclass(eq=False)
class Batch:
    """Distinct profiles that are asked about together; answered as a whole."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    """By the key of their question."""
    answers: dict[str, Fields] = field(default_factory=dict)
    since: int = 0
    """The place of its first contact."""


@dataclass(eq=False)
class Slot:
    """A contact in its place: answered already (from the cache, or nothing to ask), or waiting for its batch."""

    labelled: Labelled
    key: str = ""
    batch: Batch | None = None
    fields: Fields | None = None
    repeated: bool = False
    """Whether an equal profile before it had the question sent."""


class Plan:
    """Contacts in order, each with where its answer comes from; equal profiles share one question.

    Args:
        key: of a profile's question.
        known: the answer to a question, if there is one.
        size: profiles a batch.
    """

    def __init__(self, key: Callable[[Profile], str], known: Callable[[str], Fields | None], size: int) -> None:
        self._key, self._known, self._size = key, known, size
        self._open = Batch()
        self._pending: dict[str, Batch] = {}

    def slots(self, contacts: Iterable[Labelled]) -> Iterator[tuple[Slot | None, Batch | None]]:
        """Each contact's slot, and each batch when it is to be sent, the last one without a slot."""
        for place, labelled in enumerate(contacts):
            slot = self._slot(labelled, place)
            ready = self._open.profiles and (
                len(self._open.profiles) >= self._size or place - self._open.since >= REACH
            )
            yield slot, self._close() if ready else None
        if self._open.profiles:
            yield None, self._close()

    def done(self, batch: Batch) -> None:
        """The batch is answered: whoever asks the same again finds it among what is known."""
        for key in batch.profiles:
            self._pending.pop(key, None)

    def _slot(self, labelled: Labelled, place: int) -> Slot:
        contact = labelled.contact
        if not is_open(contact):
            return Slot(labelled)
        profile = profile_of(contact)
        key = self._key(profile)
        if key in self._pending:
            return Slot(labelled, key, self._pending[key], repeated=True)
        fields = self._known(key)
        if fields is not None:
            return Slot(labelled, key, fields=fields)
        if not self._open.profiles:
            self._open.since = place
        self._open.profiles[key] = profile
        self._pending[key] = self._open
        return Slot(labelled, key, self._open)

    def _close(self) -> Batch:
        closed, self._open = self._open, Batch()
        return closed
