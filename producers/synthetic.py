"""Invented contacts with the shape of real ones, drawn by the laws of ``data/contact_profile.json``.

A contact comes with its label, drawn from the log-odds of `engagement`, a signal as weak as the field's: the ROC-AUC of
those log-odds themselves, the attainable one, is .721 (``make bench ARGS=quality``).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np
from scipy.special import expit

from driftline.events import Contact
from producers.population import WIDTH, Bools, Columns, Floats, Laws, Objects, Population, absent

CHUNK = 1_000
"""Contacts drawn at once; which contacts they are does not depend on it."""
SECONDS_BETWEEN_CONTACTS = 60.0
"""In the invented history: the gap between two contacts."""
Labelled = tuple[Contact, int]


@cache
def load_profile() -> Mapping[str, Any]:
    """The shipped profile: what is published of a real export, and what is drawn."""
    profile: dict[str, Any] = json.loads((files("data") / "contact_profile.json").read_text("utf-8"))
    return profile


@cache
def load_population() -> Population:
    """Draws by the shipped profile."""
    return Population(msgspec.convert(load_profile()["drawn"], Laws))


def uniforms(seed: int, name: str, first: int, n: int, width: int = WIDTH) -> Floats:
    """Of the contacts from index ``first`` on, the uniforms that each has of its own, shape (n, width), in (0, 1).

    A contact's are the same whatever range it is drawn in. Those of other names are independent.
    """
    bits = np.random.PCG64([seed, number_of(name)])
    drawn: Floats = np.random.Generator(bits.advance(first * width)).random((n, width))
    return np.maximum(drawn, 2.0**-54, out=drawn)


def number_of(name: str) -> int:
    """A number for a name, so that what is drawn under different names differs."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def draw_contacts(n: int, *, seed: int, start: datetime, name: str = "synthetic") -> Iterator[Labelled]:
    """``n`` labelled contacts without drift, lazily; the same seed and name give the same contacts and ids.

    Those of a shorter stream are the first ones of a longer one.
    """
    population = load_population()
    for first in range(0, n, CHUNK):
        own = uniforms(seed, name, first, min(CHUNK, n - first))
        columns = population.draw(own)
        yield from labelled_contacts(columns, draw_labels(engagement(columns), own), name, seed, first, start)


def labelled_contacts(
    columns: Columns, engaged: list[int], name: str, seed: int, first: int, start: datetime
) -> Iterator[Labelled]:
    """Columns as events, one a minute; the id is of the name, the seed and the index, which is ``first`` on."""
    rows = zip(*(_values(column) for column in columns.values()), strict=True)
    names = tuple(columns)
    identity = hashlib.sha256(f"{name}/{seed}/".encode())
    for index, (row, label) in enumerate(zip(rows, engaged, strict=True), first):
        own = identity.copy()
        own.update(b"%d" % index)
        occurred = start + timedelta(seconds=index * SECONDS_BETWEEN_CONTACTS)
        known = dict(zip(names, row, strict=True))
        yield Contact(id=own.hexdigest()[:24], sent_at=occurred, occurred_at=occurred, **known), label


def _values(column: Floats | Objects) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.dtype != object and np.isnan(column).any():
        values = [None if math.isnan(value) else value for value in values]
    return values


SIGNS: Mapping[str, Callable[[Columns], Floats | Bools]] = {
    "everyone": lambda columns: np.ones(len(columns["llm_quality"])),
    "quality": lambda columns: (columns["llm_quality"] - 62) / 40,
    "unknown company": lambda columns: absent(columns["companyindustry"]),
    "summary": lambda columns: ~absent(columns["summary"]),
    "experts": lambda columns: columns["llm_business_type"] == "experts",
    "regional hub": lambda columns: columns["llm_geography"] == "regional_hub",
    "software": lambda columns: columns["industry"] == "Computer Software",
    "consulting": lambda columns: columns["industry"] == "Management Consulting",
    "marketing": lambda columns: columns["industry"] == "Marketing & Advertising",
}
"""What the log-odds of engagement are made of: each adds its weight in the profile."""


def engagement(columns: Columns, signal: Mapping[str, float] | None = None) -> Floats:
    """Log-odds of engagement, shape (contacts,), as weak as in the field.

    By default with the weights of the shipped profile, under which the published properties engage at their rates.
    """
    weights = load_population().laws.signal if signal is None else signal
    total = np.zeros(len(columns["llm_quality"]))
    for name, weight in weights.items():
        total += weight * SIGNS[name](columns)
    return total


def draw_labels(logits: Floats, own: Floats) -> list[int]:
    """1 with the probability that the log-odds say, by the last of each contact's uniforms."""
    labels: list[int] = (own[:, -1] < expit(logits)).astype(int).tolist()
    return labels
