"""Reading what a language model answered, which need not be what it was asked for.

Only what can mean one thing is repaired: markdown around the JSON, prose, trailing commas, an answer cut in the middle,
numbers as text, other spellings of a category, the whole object where its value should be. A value that could mean two
things, or is out of its range, is not there; nor is it ever replaced by a default. Nothing here raises.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from producers.enrichment_fields import CATEGORIES, FIELDS, LONGEST_INDUSTRY, RANGES, WHOLE, Value
from producers.enrichment_prompts import short

LONGEST_ANSWER = 50_000
"""Characters that are read: a runaway answer is not worth the time."""

_STRING_OR_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*"?)|,(?=\s*[}\]])', re.DOTALL)
_NUMBER = re.compile(r"([+-]?\d{1,9}(?:[.,]\d{1,9})?)\s*(%)?")
_NOTHING = frozenset({"", "null", "none", "nan", "na", "undefined"})
_NAMES = {short(name).replace("_", ""): name for name in FIELDS}
_SAME = {"csuite": "clevel"}
"""Spellings that are no mere change of case, number or hyphen."""


def read(text: str | None, profiles: int) -> dict[int, dict[str, Value]]:
    """What an answer says about profiles 1 to ``profiles``: by index, the fields that could be read.

    A profile that is not in the answer, or twice with different values, is absent.

    >>> read('```json\\n[{"index": 1, "quality": "85", "seniority": "c-level"}, {"index": 2, "quality": 850}]\\n```', 2)
    {1: {'llm_quality': 85.0, 'llm_seniority': 'C-Level'}, 2: {}}
    """
    answer = (text or "").rpartition("</think>")[2]  # what some models think aloud is not yet an answer
    found = [_item(item) for item in _objects(answer[:LONGEST_ANSWER])]
    items = [(index, fields) for index, fields in found if fields is not None]
    if profiles == 1 and len(items) == 1 and items[0][0] is None:
        return {1: items[0][1]}
    by_index: dict[int, dict[str, Value]] = {}
    contradicted = set()
    for index, fields in items:
        if index is not None and by_index.setdefault(index, fields) != fields:
            contradicted.add(index)
    shift = _shift(by_index.keys(), profiles)
    if shift is None:
        return {}
    return {
        index + shift: fields
        for index, fields in sorted(by_index.items())
        if 1 <= index + shift <= profiles and index not in contradicted
    }


def _shift(indices: Any, profiles: int) -> int | None:
    """What to add to the indices: 1 where the answer counts from 0; None where one cannot tell whom it is about."""
    if 0 in indices:
        return 1 if set(indices) == set(range(profiles)) else None
    return None if 1 not in indices and profiles + 1 in indices else 0


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The outermost JSON objects in the text that are about one profile; of an array that was cut, those before."""
    text = _STRING_OR_TRAILING_COMMA.sub(lambda found: found.group(1) or "", text)
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    at = text.find("{")
    while at >= 0:
        try:
            document, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        except RecursionError:
            return
        else:
            yield from _profiles(document)
        at = text.find("{", end)


def _profiles(document: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The parts of a document that have a field; ``{"1": {…}}`` numbers them by their keys."""
    if depth > 4:
        return
    if isinstance(document, list):
        for part in document:
            yield from _profiles(part, depth + 1)
    elif isinstance(document, dict):
        if any(_field(name) for name in document):
            yield document
            return
        own = {name: value for name, value in document.items() if name.lower() == "index"}
        for name, part in document.items():
            numbered = {"index": name} if re.fullmatch(r"\d{1,9}", name) else own
            for found in _profiles(part, depth + 1):
                yield numbered | dict(found)


def _field(name: str) -> str | None:
    """The field that a key of an answer stands for."""
    return _NAMES.get(name.lower().removeprefix("llm_").replace("_", "").replace(" ", "").replace("-", ""))


def _item(item: Mapping[str, Any]) -> tuple[int | None, dict[str, Value] | None]:
    """Index and fields of one object; no fields where its index is no number."""
    index = next((value for name, value in item.items() if name.lower() == "index"), None)
    number = _index(index)
    if index is not None and number is None:
        return None, None
    values: dict[str, Value] = {}
    contradicted = set()
    for name, raw in item.items():
        field = _field(name)
        value = None if field is None else read_value(field, raw, index=number)
        if field is not None and value is not None and values.setdefault(field, value) != value:
            contradicted.add(field)
    return number, {name: value for name, value in values.items() if name not in contradicted}


def _index(raw: Any) -> int | None:
    if isinstance(raw, str) and re.fullmatch(r"\s*\d{1,9}\s*", raw):
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def read_value(name: str, raw: Any, *, index: int | None = None) -> Value | None:
    """A field's value, if what stands in its place can mean only one.

    >>> read_value("llm_engagement", {"index": 3, "value": "0,7", "reasoning": "…"}, index=3)
    0.7
    >>> read_value("llm_engagement", 70) is None
    True
    """
    value = _unwrapped(raw, index)
    if name in CATEGORIES:
        return _category(value, CATEGORIES[name])
    if name in RANGES:
        return _number(name, value)
    return _industry(value)


def _unwrapped(raw: Any, index: int | None) -> Any:
    """The value of the whole object that stands, as JSON or as text, where its value should be."""
    for _ in range(3):
        if isinstance(raw, str) and raw.lstrip().startswith("{"):
            try:
                raw = json.loads(raw, parse_constant=lambda _: None)
            except (ValueError, RecursionError):
                return None
        if not isinstance(raw, dict):
            return raw
        if "value" not in raw or (index is not None and raw.get("index", index) != index):
            return None
        raw = raw["value"]
    return None


def _number(name: str, value: Any) -> float | None:
    least, most = RANGES[name]
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value.strip())
        if found is None:
            return None
        value = float(found.group(1).replace(",", "."))
        if found.group(2):  # per cent, of a range that ends at 100 or at 1
            if most not in (1, 100):
                return None
            value = value * most / 100
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9 or not math.isfinite(value):
        return None
    if not least <= value <= most or (name in WHOLE and value != int(value)):
        return None
    return float(value)


def _bare(text: str) -> str:
    """A category without case, number and hyphens.

    >>> _bare("C-Level"), _bare("Regional Hub"), _bare("expert") == _bare("experts")
    ('clevel', 'regionalhub', True)
    """
    return "".join(c for c in text.casefold() if c.isalnum()).rstrip("s")


def _category(value: Any, allowed: Sequence[str]) -> str | None:
    if not isinstance(value, str):
        return None
    said = _SAME.get(_bare(value), _bare(value))
    for name in allowed:
        if said in (_bare(name), _bare(name) + "level"):
            return name
    return None


def _industry(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    if len(text) > LONGEST_INDUSTRY or _bare(text) in _NOTHING or text[0] in "{[":
        return None
    return text if text.isprintable() else None
