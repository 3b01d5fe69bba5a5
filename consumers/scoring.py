"""Contacts in, predictions and dead letters out. Pure: bytes and a model go in, events come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from driftline.events import Contact, DeadLetter, Prediction, Record, decode
from model.features import monitored_columns
from model.featuriser import Featuriser


class Graph(Protocol):
    """Anything that turns feature rows into scores."""

    def score(self, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """Scores in [0, 1], one a row."""


@dataclass(frozen=True)
class ScoringModel:
    """A version's featuriser and graph, which always travel together."""

    version: str
    featuriser: Featuriser
    graph: Graph


@dataclass(frozen=True)
class Read:
    """A batch as it was read: valid contacts with their offsets, and the rest as dead letters, all in offset order."""

    contacts: list[Contact]
    offsets: list[int]
    dead: list[DeadLetter]


def read_records(records: Sequence[Record], now: datetime) -> Read:
    """Parse a batch once, for however many models score it."""
    read = Read([], [], [])
    for record in records:
        try:
            read.contacts.append(decode(Contact, record.value or b""))
            read.offsets.append(record.offset)
        except ValueError as reason:
            read.dead.append(DeadLetter.of(record, str(reason), now))
    return read


def score_contacts(contacts: Sequence[Contact], sources: Sequence[int], model: ScoringModel) -> list[Prediction]:
    """Predictions for contacts that stood at the offsets ``sources`` (-1: not from the topic).

    Raises:
        ValueError: the model gives a score that is no number.
    """
    if not contacts:
        return []
    features = model.featuriser.transform(contacts)
    scored = model.graph.score(features)
    if not np.isfinite(scored).all():
        raise ValueError(
            f"version {model.version} gives scores that are no numbers: go back with `driftline model rollback`"
        )
    scores = np.clip(scored, 0.0, 1.0).tolist()
    return [
        Prediction(
            contact_id=contact.id,
            source_offset=source,
            model_version=model.version,
            score=score,
            features=row,
            columns=monitored_columns(contact),
            sent_at=contact.sent_at,
        )
        for contact, source, score, row in zip(contacts, sources, scores, features.tolist(), strict=True)
    ]


class MalformedShare:
    """Watches how much of the input is malformed: a wrong topic is not a stream of bad contacts.

    >>> share = MalformedShare(last=4)
    >>> share.add(valid=2, malformed=2)
    >>> share.exceeded
    False
    >>> share.add(valid=0, malformed=1)
    >>> share.exceeded
    True
    """

    def __init__(self, last: int = 1_000) -> None:
        self._recent: deque[bool] = deque(maxlen=last)
        self._limit = last // 2

    def add(self, *, valid: int, malformed: int) -> None:
        """Count one batch, its malformed records spread over it: of what is forgotten of it, they are their share."""
        size = valid + malformed
        self._recent.extend((n + 1) * malformed // size > n * malformed // size for n in range(size))

    @property
    def exceeded(self) -> bool:
        """More than half of the last 1,000 were malformed."""
        return sum(self._recent) > self._limit
