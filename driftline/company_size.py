"""The size of a company out of whatever stands in the column: ranges, counts, words, or what a spreadsheet made of it.

Import writes what it can as one of eight ranges; the model reads the number of people, whoever sent the contact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

SIZES = ("2-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000", "10001+")
"""The ranges of the exports, from the smallest."""
WORDS: Mapping[str, str] = {
    "myself only": "1",
    "self-employed": "1",
    "freelance": "1",
    "startup": "2-10",
    "micro": "2-10",
    "small": "11-50",
    "medium": "51-200",
    "mid-size": "201-500",
    "large": "1001-5000",
    "enterprise": "5001-10000",
}
"""Words that stand for a size, and the range each is read as."""

_MONTHS = {"feb": 2, "fév": 2, "oct": 10, "okt": 10, "nov": 11}
"""Months that a range can pass for, as spreadsheets in English, French and German abbreviate them."""
_UNIT = re.compile(r"(?:employees?|people|staff|employés?|salariés?)$")


def company_size(text: str) -> str | None:
    """One of the eight ranges, from a range, a count, or a range that a spreadsheet took for a date.

    What is none of these is kept as it is: an unseen value is for the monitor to see.

    >>> [company_size(text) for text in ("11-50", "37", "10-Feb", "02-oct.", "10-févr", "10,001+", "a few", "")]
    ['11-50', '11-50', '2-10', '2-10', '2-10', '10001+', 'a few', None]
    """
    text = text.strip()
    return _range_of(text) or text or None


@lru_cache(maxsize=8192)
def employees(text: str | None) -> float | None:
    """About how many people: the geometric middle of a range, None where the text says no size.

    >>> [employees(text) for text in ("1", "2-10", "37 employees", "10-Feb", "10001+", "medium", "a few", None)]
    [1.0, 4.47..., 37.0, 4.47..., 20002.0, 100.99..., None, None]
    """
    if not text:
        return None
    said = WORDS.get(text.strip().lower(), text)
    if (count := _count_of(said)) is not None:
        return count
    if (found := _range_of(said)) is None:
        return None
    low, _, high = found.partition("-")
    return math.sqrt(int(low) * int(high)) if high else 2.0 * int(low.removesuffix("+"))


def _range_of(text: str) -> str | None:
    plain = _plain(text)
    if plain in SIZES:
        return plain
    if (count := _count_of(text)) is not None:
        return next((size for size in SIZES if count <= _upper(size)), SIZES[-1])
    mangled = "-".join(str(_MONTHS.get(part[:3], part.lstrip("0"))) for part in plain.split("-"))
    return next((size for size in SIZES if mangled in (size, "-".join(reversed(size.split("-"))))), None)


def _count_of(text: str) -> float | None:
    plain = _plain(text).removesuffix(".0")
    return float(plain) if re.fullmatch("[0-9]{1,18}", plain) and 0 < int(plain) < 10**9 else None


def _plain(text: str) -> str:
    spaceless = re.sub(r"[\s,'\u2019]", "", text.lower()).replace("–", "-").replace("—", "-")
    return _UNIT.sub("", spaceless)


def _upper(size: str) -> float:
    return math.inf if size.endswith("+") else int(size.split("-")[1])
