"""Contacts from CSV files: LemList exports in either shape, and enriched CSVs.

Names, addresses, URLs and pictures stop here: the columns that hold them are not read, and what of them stands in
free text is blanked. The contact's id is a salted hash.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from driftline.company_size import company_size
from driftline.events import INPUTS, Contact, decode, encode
from producers.enrichment import enrich
from producers.labelled import Labelled, Rejected

Row = Mapping[str, str]
PROFILE = tuple(name for name in INPUTS if not name.startswith("llm_"))
NUMBERS = ("llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit", "companyfoundedon")
TIMES = ("firstcontacteddate", "firstleadlauncheddate", "lastcontacteddate", "lastcampaignstartdate")
IDENTITY = ("_id", "id", "linkedinurl", "linkedinurlsalesnav", "email")

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\w)\+?\d(?:[\s().-]?\d){7,14}(?!\w)")
NOT_CSV = "{path} is not a CSV in UTF-8: export the contacts as CSV"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

csv.field_size_limit(10_000_000)


def from_csv(path: Path, *, salt: str, rejected: Rejected) -> Iterator[Labelled]:
    """The contacts of an export, or of an enriched CSV, in the order of the file.

    Raises:
        ValueError: its header names none of the columns of an export; at once, not with the first contact.
    """
    return _contacts(path, _header(path), salt, rejected)


def _contacts(path: Path, names: list[str], salt: str, rejected: Rejected) -> Iterator[Labelled]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            next(reader)
            for number, values in enumerate(reader, 1):
                row = dict(zip(names, (value.strip() for value in values), strict=False))
                if not any(row.values()):
                    continue
                try:
                    contact = _contact(row, salt)
                except ValueError as why:
                    rejected(number, str(why))
                else:
                    yield Labelled(contact, label_of(row))
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(NOT_CSV.format(path=path)) from None


def _header(path: Path) -> list[str]:
    """Column names, lower-cased and without spaces, as exports differ in both."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text), [])
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(NOT_CSV.format(path=path)) from None
    names = [name.strip().lower().replace(" ", "") for name in header]
    known = set(names) & {*INPUTS, *IDENTITY, "laststate", "firstname", "lastname"}
    if len(known) < 2:
        raise ValueError(f"{path} is not a CSV of contacts: its first line names none of the columns of an export")
    return names


def label_of(row: Row) -> int | None:
    """1 where the person replied or showed interest, 0 where the campaign is done without, else None."""
    if row.get("engaged", "") in ("0", "1", "0.0", "1.0"):
        return int(float(row["engaged"]))
    if row.get("laststate") in ("linkedinReplied", "linkedinInterested"):
        return 1
    return 0 if row.get("status") == "done" else None


def _contact(row: Row, salt: str) -> Contact:
    columns: dict[str, Any] = {name: _cleaned(row, name) for name in PROFILE}
    if any(row.get(name) for name in INPUTS if name.startswith("llm_")):
        columns |= {name: row.get(name) or None for name in INPUTS if name.startswith("llm_")}
        columns |= {name: _number(row.get(name, ""), name) for name in NUMBERS if name.startswith("llm_")}
    else:
        columns |= enrich(columns)
    columns["companyfoundedon"] = _year(row.get("companyfoundedon", ""))
    contact = Contact(id=contact_id(row, salt), sent_at=EPOCH, occurred_at=_occurred(row), **columns)
    return decode(Contact, encode(contact))  # msgspec validates what it decodes


def contact_id(row: Row, salt: str) -> str:
    """A stable id that cannot be led back to the person without the salt."""
    identity = next((f"{name}:{row[name]}" for name in IDENTITY if row.get(name)), None)
    if identity is None:
        identity = json.dumps({name: row.get(name, "") for name in PROFILE}, sort_keys=True)
    return hashlib.sha256(f"{salt}/{identity}".encode()).hexdigest()[:24]


def _cleaned(row: Row, name: str) -> str | None:
    text = row.get(name, "")
    if name == "companysize":
        return company_size(text)
    if name in ("summary", "skills", "jobtitle"):
        text = scrub(text, [row.get("firstname", ""), row.get("lastname", "")])
    return text or None


def scrub(text: str, names: list[str]) -> str:
    """The text without e-mail addresses, URLs, phone numbers and the given names.

    >>> scrub("Ask Zoe at zoe@example.com or +33 1 23 45 67 89", ["Zoe"])
    'Ask … at … or …'
    """
    for pattern in (_EMAIL, _URL, _PHONE):
        text = pattern.sub("…", text)
    for name in names:
        if len(name) > 1:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text, flags=re.IGNORECASE)
    return text


def _number(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} is not a number") from None


def _year(text: str) -> float | None:
    found = re.match(r"\d{4}", text)
    return float(found.group()) if found else None


def _occurred(row: Row) -> datetime | None:
    for name in TIMES:
        if row.get(name):
            try:
                found = datetime.fromisoformat(row[name])
            except ValueError:
                continue
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
