"""What an enrichment by a language model has done so far, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from producers.enrichment_batches import Slot
from producers.enrichment_fields import FIELDS, Fields
from producers.prices import Tokens

FEW = 20
"""Profiles after which a model that cannot do it is told from a bad start."""


@dataclass
class EnrichmentReport:
    """Counts of contacts, and of calls, tokens and USD.

    Attributes:
        contacts: handed on, each for one of four reasons: it had ``llm_*`` fields or was no contact (``untouched``),
            its profile was ``asked`` about, had been answered in an earlier run (``cached``), or was the same as
            another one's in this run (``repeated``).
        missing: by field, contacts without it because no answer could be read.
        retries: calls that were repeated since they failed or were turned away.
        asked_again: profiles that the first answer was not complete for.
        usd: spent, with what failed calls may have cost; None where no price is known.
    """

    contacts: int = 0
    untouched: int = 0
    asked: int = 0
    cached: int = 0
    repeated: int = 0
    missing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0))
    calls: int = 0
    retries: int = 0
    asked_again: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    usd: float | None = None
    max_cost: float | None = None
    answered: int = 0
    """Profiles whose answers are kept, handed on or not."""
    unread: int = 0
    """Values that these answers lack."""

    def kept(self, answers: Mapping[str, Fields]) -> None:
        """Answers have come, and are kept."""
        self.answered += len(answers)
        self.unread += sum(value is None for fields in answers.values() for value in fields.values())

    def handed_on(self, slot: Slot, fields: Fields | None) -> None:
        """The contact of this slot got these fields, or none."""
        self.contacts += 1
        self.untouched += not slot.key
        self.cached += bool(slot.key) and slot.batch is None
        self.repeated += slot.repeated
        self.asked += slot.batch is not None and not slot.repeated
        for name, value in (fields or {}).items():
            self.missing[name] += value is None

    @property
    def hopeless(self) -> bool:
        """Whether most of what was asked cannot be read: the model does not do what it is asked."""
        return self.answered >= FEW and self.unread * 2 > self.answered * len(FIELDS)

    def line(self) -> str:
        """For people, on one line."""
        counts = {
            "asked": self.asked, "cached": self.cached, "repeated": self.repeated, "untouched": self.untouched,
            "values missing": sum(self.missing.values()),
        }  # fmt: skip
        calls = {"calls": self.calls, "retries": self.retries, "asked again": self.asked_again}
        cost = "cost unknown" if self.usd is None else f"{self.usd:.4f} USD"
        if self.max_cost is not None:
            cost += f" of {self.max_cost:g}"
        parts = (f"contacts {self.contacts:,}", *_told(counts), *_told(calls), cost)
        return " · ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data, for the report of the import."""
        return {
            "contacts": self.contacts,
            "untouched": self.untouched,
            "asked": self.asked,
            "cached": self.cached,
            "repeated": self.repeated,
            "missing": self.missing,
            "calls": self.calls,
            "retries": self.retries,
            "asked_again": self.asked_again,
            "input_tokens": self.tokens.input,
            "cached_input_tokens": self.tokens.cached,
            "output_tokens": self.tokens.output,
            "usd": None if self.usd is None else round(self.usd, 6),
            "max_cost": self.max_cost,
        }


def _told(counts: Mapping[str, int]) -> list[str]:
    return [f"{what} {count:,}" for what, count in counts.items() if count]
