"""Who trains and who judges: a stable split by hash of the contact's id, so that a contact never changes sides.

Newcomers, the contacts that the stream has brought, are held out to 70%: they judge challengers and become their
reference. Of the base set, which every model is trained on, a third is held out. A contact of the base set that comes
again stays on its side there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from driftline.events import Contact

Labelled = tuple[Contact, int]

HELD_OUT_OF_NEWCOMERS = 0.70
HELD_OUT_OF_BASE = 1 / 3
EARLIER = 0.70
"""Share of the contacts, in the order of time, that come before those which judge over time."""


@dataclass(frozen=True)
class Split:
    """Labelled contacts by their side, each side in the order of time.

    Raises:
        AssertionError: a contact is on both sides; nothing may be trained or judged then.
    """

    base: list[Labelled]
    base_held_out: list[Labelled]
    newcomers: list[Labelled]
    newcomers_held_out: list[Labelled]

    def __post_init__(self) -> None:
        both = ids(self.training) & ids([*self.base_held_out, *self.newcomers_held_out])
        if both:
            raise AssertionError(f"{len(both)} contacts would both train and judge")

    @property
    def training(self) -> list[Labelled]:
        """Those that train."""
        return [*self.base, *self.newcomers]


def split(base: Iterable[Labelled], newcomers: Iterable[Labelled] = ()) -> Split:
    """Divide contacts by who trains and who judges; of contacts that come twice the last one counts."""
    of_base, of_newcomers = unique(base), unique(newcomers)
    known = ids(of_base)
    fresh = [one for one in of_newcomers if one[0].id not in known]
    return Split(
        base=[one for one in of_base if not is_held_out(one[0].id, HELD_OUT_OF_BASE)],
        base_held_out=[one for one in of_base if is_held_out(one[0].id, HELD_OUT_OF_BASE)],
        newcomers=[one for one in fresh if not is_held_out(one[0].id)],
        newcomers_held_out=[one for one in fresh if is_held_out(one[0].id)],
    )


def is_held_out(contact_id: str, share: float = HELD_OUT_OF_NEWCOMERS) -> bool:
    """Whether a contact judges models and never trains one: a stable share, by hash of its id."""
    return int.from_bytes(hashlib.sha256(contact_id.encode()).digest()[:4], "big") < share * 2**32


def mark_of(contact_id: str) -> str:
    """A short mark of an id, by which a version remembers whom it was trained on."""
    return hashlib.sha256(f"trained/{contact_id}".encode()).hexdigest()[:16]


def unseen(labelled: Iterable[Labelled], trained: frozenset[str]) -> list[Labelled]:
    """Those that no model with these marks was trained on: only they may judge it."""
    return [one for one in labelled if mark_of(one[0].id) not in trained]


def unique(labelled: Iterable[Labelled]) -> list[Labelled]:
    """Each contact once, as it came last, in the order of time; contacts without times keep their order."""
    last = {contact.id: (contact, engaged) for contact, engaged in labelled}
    return sorted(last.values(), key=lambda one: time_of(one[0]))


def over_time(training: Sequence[Labelled], everyone: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    """Those of ``training`` that came among the first 70% of ``everyone``, and the other 30% of everyone.

    What was to come is what a model is for; a split at random asks it about people of the same weeks.
    """
    ordered = unique(everyone)
    later = ordered[round(EARLIER * len(ordered)) :]
    judging = ids(later)
    return [one for one in training if one[0].id not in judging], later


def time_of(contact: Contact) -> datetime:
    """When the contact happened, as far as that is known."""
    return contact.occurred_at or contact.sent_at


def ids(labelled: Iterable[Labelled]) -> set[str]:
    """Whose contacts they are."""
    return {contact.id for contact, _ in labelled}
