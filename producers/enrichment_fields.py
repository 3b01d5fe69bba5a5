"""The eight ``llm_*`` fields of a contact: what each may hold, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeGuard

import msgspec

from driftline.events import INPUTS, Contact
from producers.labelled import Labelled

Profile = Mapping[str, Any]
"""A profile's columns, by their names in the contract; what is not known is None or absent."""
Value = float | str
Fields = Mapping[str, Value | None]
"""The eight fields by name; None where nothing is known."""
Enrich = Callable[[Iterable[Labelled]], Iterator[Labelled]]
"""Contacts in, the same contacts with their eight ``llm_*`` fields out, in the same order.

What has any of the eight, and bytes that are no contact, pass through as they are.
"""

FIELDS: tuple[str, ...] = tuple(name for name in INPUTS if name.startswith("llm_"))
COLUMNS: tuple[str, ...] = tuple(name for name in INPUTS if not name.startswith("llm_"))
"""The eleven inputs that an enrichment reads. Names, addresses and ids are not among them."""

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "llm_seniority": ("Entry", "Mid", "Senior", "Executive", "C-Level"),
    "llm_geography": ("international_hub", "regional_hub", "other"),
    "llm_business_type": ("leaders", "experts", "salespeople", "workers", "others"),
}
RANGES: Mapping[str, tuple[float, float]] = {
    "llm_quality": (0, 100),
    "llm_engagement": (0, 1),
    "llm_decision_maker": (0, 1),
    "llm_company_fit": (0, 2),
}
"""Both ends may be taken."""
WHOLE = frozenset({"llm_quality", "llm_company_fit"})
"""Fields that are whole numbers."""
LONGEST_INDUSTRY = 80
"""Characters of ``llm_industry``, the one field of free text: longer ones are no category."""
MISSING: Fields = dict.fromkeys(FIELDS)


def is_open(contact: Contact | bytes) -> TypeGuard[Contact]:
    """Whether it is a contact that none of the eight fields is known of."""
    return isinstance(contact, Contact) and all(getattr(contact, name) is None for name in FIELDS)


def profile_of(contact: Contact) -> Profile:
    """The columns that an enrichment reads, without those that are not known."""
    columns = {name: getattr(contact, name) for name in COLUMNS}
    return {name: value for name, value in columns.items() if value not in (None, "")}


def filled(labelled: Labelled, fields: Fields) -> Labelled:
    """The contact with these fields, and its label as it was."""
    assert isinstance(labelled.contact, Contact)
    return labelled._replace(contact=msgspec.structs.replace(labelled.contact, **fields))
