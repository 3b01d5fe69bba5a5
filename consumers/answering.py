"""What a request to the API comes to, apart from HTTP: scored by the champion, spooled, and written to the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumers.contact_requests import GivenContact, RefusedError, Scored, completed, scored
from consumers.prediction_log import PredictionLog
from consumers.scoring import ScoringModel, score_contacts
from consumers.spool import KeyReusedError, Spool, SpoolFullError, SpoolTooSmallError
from driftline.events import encode

LARGEST_CONTACT = 1_000_000
"""Bytes on the topic: what a broker takes by default, with room for key and headers."""


class Models(Protocol):
    """Where the champion comes from."""

    @property
    def champion(self) -> ScoringModel | None:
        """The champion now; None while there is none."""


@dataclass(frozen=True)
class Answering:
    """Takes contacts: what it returns for is in the spool, what it refuses is not.

    Args:
        clock: the time now.
        seconds: a timer.
        new_id: of a contact that came without one.
    """

    models: Models
    spool: Spool
    log: PredictionLog
    clock: Callable[[], datetime]
    seconds: Callable[[], float]
    new_id: Callable[[], str]

    def answer(self, given: Sequence[GivenContact], body: bytes, key: str | None) -> tuple[list[Scored], float]:
        """Predictions in the order of the contacts, all by one version, and the milliseconds that it took to make them.

        Args:
            key: the request's idempotency key; a request whose key was taken before is answered, but not kept again.

        Raises:
            RefusedError: 503 without a model or without room, 413 for what is too large, 409 for a key that was
                taken with another body.
        """
        model = self.models.champion
        if model is None:
            raise RefusedError(503, "no model yet: `driftline retrain` trains the first one")
        now = self.clock()
        contacts = completed(given, self._ids(len(given), key), now)
        began = self.seconds()
        try:
            predictions = score_contacts(contacts, [-1] * len(contacts), model)
        except ValueError as fault:
            raise RefusedError(503, str(fault)) from None
        took = (self.seconds() - began) * 1_000
        self._keep(contacts, body, key)
        each = took / len(contacts)
        answers = [scored(prediction, each) for prediction in predictions]
        self.log.write(now, answers)
        return answers, took

    def _ids(self, count: int, key: str | None) -> list[str]:
        """With a key the same on every attempt, so that an answer to a second one names the contacts of the first."""
        if key is None:
            return [self.new_id() for _ in range(count)]
        return [hashlib.blake2b(f"{n}:{key}".encode(), digest_size=16).hexdigest() for n in range(count)]

    def _keep(self, contacts: Sequence[GivenContact], body: bytes, key: str | None) -> None:
        values = [(contact.id, encode(contact)) for contact in contacts]
        for place, (_, value) in enumerate(values):
            if len(value) > LARGEST_CONTACT:
                raise RefusedError(413, f"contact {place} has more than {LARGEST_CONTACT:,} bytes")
        try:
            self.spool.append(values, None if key is None else (key.encode(), body))
        except SpoolFullError as fault:
            raise RefusedError(503, f"{fault}: try again later") from None
        except SpoolTooSmallError as fault:
            raise RefusedError(413, str(fault)) from None
        except KeyReusedError as fault:
            raise RefusedError(409, str(fault)) from None
