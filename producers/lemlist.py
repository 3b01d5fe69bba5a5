"""Contacts from CSV files: LemList exports in either shape, and enriched CSVs.

Names, addresses, URLs and pictures stop here: of the columns that hold them only the id's hash and the blanks in the
texts get further. A row that is no contact is told by its place and its fault, never by its content.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from driftline.company_size import SIZES, company_size
from driftline.events import INPUTS, Contact
from producers.csv_table import CsvTable, Record
from producers.enrichment_fields import COLUMNS, FIELDS
from producers.labelled import Labelled
from producers.outcomes import OUTCOME, Repairs, Row, label_of, labelled_at, occurred_at
from producers.scrubbing import SEAM, name_tokens, phrases, scrub

NUMBERS = ("llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit")
IDENTITY = ("_id", "id", "linkedinurl", "linkedinurlsalesnav", "email")
"""What names a contact, the most stable first."""
NAMES = ("firstname", "lastname", "fullname", "name")
PERSONAL = (
    *IDENTITY, *NAMES, "picture", "phone", "companylinkedinurl", "companyname", "companydomain", "companypicture",
    "icebreaker", "tagline",
)  # fmt: skip
"""Columns whose values never get past import."""
UNUSED = (
    "emailstatus", "timezone", "companydescription", "companyspecialties", "companytagline", "leadstatus",
    "lastcampaign", "activecampaigns", "isactiveincampaigns", "lastleadlauncheddate",
)  # fmt: skip
"""Columns of exports that nothing is read from."""

TEXTS = tuple(name for name in COLUMNS if name not in ("companysize", "companyfoundedon"))
OPINIONS = tuple(name for name in FIELDS if name not in NUMBERS)
PHRASES = tuple(name for name in PERSONAL if name not in (*NAMES, "icebreaker", "tagline"))
LONGEST = 50_000
"""Characters of a text, by the contract of the contact."""
TOO_FEW = "it has fewer values than there are columns: it may be half a row"
TOO_MANY = "it has more values than there are columns: a delimiter in a text is not quoted"
"""Such a row has values in the wrong columns, and nobody can tell which of them are names."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_KNOWN = frozenset((*INPUTS, *PERSONAL, *OUTCOME, *UNUSED))
_BARE = {name.replace("_", ""): name for name in _KNOWN if name != "id"}
_YEAR = re.compile(r"(?:1\d|20|21)\d\d(?:\.0)?")


class ExportRow(NamedTuple):
    """One row that is not blank."""

    record: Record
    values: list[str]
    """Stripped, and as many as there are columns."""
    columns: dict[str, str]
    """The same by `Export.names`."""
    fault: str
    """Why it is no contact; empty where it is one."""
    repairs: Repairs


@dataclass
class Tally:
    """What was done to the values of an export's contacts, by kind."""

    repaired: Counter[str] = field(default_factory=Counter)
    scrubbed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Export:
    """An export on disk, and which of its columns are which."""

    table: CsvTable
    names: tuple[str, ...]
    """Of each column as it is spelled here; empty for unknown ones."""

    @classmethod
    def of(cls, path: Path) -> Export:
        """Look at a file.

        Raises:
            ValueError: it is no CSV, or its header names none of the columns of an export.
        """
        table = CsvTable.of(path, lambda header: len(_known(header)))
        named = [name for name in table.header if name.strip()]
        if len(_known(named)) < min(2, len(named)):
            raise ValueError(
                f"{path} is not a CSV of contacts: its first line names none of the columns of an export; export the"
                " contacts again, with the header"
            )
        return cls(table, tuple(column_name(name) for name in table.header))

    @property
    def repeated(self) -> int:
        """Columns of a name that another one before them has."""
        known = [name for name in self.names if name]
        return len(known) - len(set(known))

    def rows(self) -> Iterator[ExportRow]:
        """Its rows in the order of the file, without the blank ones."""
        width, names, repeats = len(self.names), self.names, self._repeats()
        enriched = any(name in FIELDS for name in names)
        for record in self.table.records():
            if record.values is None:
                yield ExportRow(record, [], {}, record.fault, [])
                continue
            values = [value.strip() for value in record.values]
            if not any(values):
                continue
            repairs: Repairs = ["encoding"] if record.is_guess else []
            if SEAM in "".join(values):
                values = [value.replace(SEAM, "") for value in values]
                repairs.append("control character")
            if len(values) != width:
                yield ExportRow(record, values, {}, TOO_MANY if len(values) > width else TOO_FEW, repairs)
                continue
            columns = dict(zip(names, values, strict=True))
            for places, name in repeats:
                columns[name] = next((values[at] for at in places if values[at]), "")
            fault = _fault(columns, repairs) if enriched or record.length > LONGEST else ""
            if not fault and not any(columns.get(name) for name in (*IDENTITY, *INPUTS)):
                fault = "it has neither an id nor any input of the model"
            yield ExportRow(record, values, columns, fault, repairs)

    def contact(self, row: ExportRow, salt: str, tally: Tally) -> Labelled:
        """The contact of a row without a fault; its eight ``llm_*`` fields as they are in the file, or all None."""
        columns, repairs = row.columns, row.repairs
        inputs = _scrubbed(columns, self._own(row), tally, repairs)
        inputs["companyfoundedon"] = _year(columns.get("companyfoundedon", ""), repairs)
        if any(columns.get(name) for name in FIELDS):
            inputs |= {name: _number(columns.get(name, ""), name, []) for name in NUMBERS}
        contact = Contact(
            id=contact_id(columns, salt), sent_at=EPOCH, occurred_at=occurred_at(columns, repairs), **inputs
        )
        engaged = label_of(columns, repairs)
        known_at = labelled_at(columns, engaged, repairs)
        if repairs:
            tally.repaired.update(repairs)
        return Labelled(contact, engaged, known_at)

    def _repeats(self) -> list[tuple[list[int], str]]:
        """The places of every name that stands twice: the first of them with a value counts."""
        places = {name: [at for at, other in enumerate(self.names) if other == name] for name in self.names if name}
        return [(found, name) for name, found in places.items() if len(found) > 1]

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        """Of the columns with names, and of those with other words for the person."""
        places = list(enumerate(self.names))
        return [at for at, name in places if name in NAMES], [at for at, name in places if name in PHRASES]

    def _own(self, row: ExportRow) -> list[str]:
        """What to look for in the texts of a row: its names, and its addresses, ids and company as they are."""
        named, others = ([row.values[at].replace(SEAM, "") for at in places] for places in self._places)
        return sorted(name_tokens(named) | phrases(others), key=len, reverse=True)


def column_name(header: str) -> str:
    """A column's name as it is spelled here, from whatever case, spaces, quotes and underscores a header has.

    >>> [column_name(name) for name in ("First Name", "\\ufeff_id", "LLM Quality", '"Location"', "Shoe")]
    ['firstname', '_id', 'llm_quality', 'location', '']
    """
    name = re.sub(r"[^\w]+", "", header.replace("\ufeff", "").lower())
    return name if name in _KNOWN else _BARE.get(name.replace("_", ""), "")


def contact_id(row: Row, salt: str) -> str:
    """A stable id that cannot be led back to the person without the salt."""
    identity = next((f"{name}:{row[name]}" for name in IDENTITY if row.get(name)), None)
    if identity is None:
        identity = json.dumps({name: row.get(name, "") for name in COLUMNS}, sort_keys=True)
    return hashlib.sha256(f"{salt}/{identity}".encode()).hexdigest()[:24]


def _known(header: Sequence[str]) -> set[str]:
    return {name for name in map(column_name, header) if name}


def _fault(row: Row, repairs: Repairs) -> str:
    """Why a row is no contact by the contract; empty where it is one."""
    try:
        numbers = {name: _number(row.get(name, ""), name, repairs) for name in NUMBERS}
        texts = {name: row.get(name) or None for name in (*TEXTS, "companysize", *OPINIONS)}
        msgspec.convert({"id": "-", "sent_at": EPOCH} | numbers | texts, Contact)
    except ValueError as why:  # msgspec's own is one, and quotes a value of enumerations only
        return str(why)
    return ""


def _scrubbed(row: Row, own: Sequence[str], tally: Tally, repairs: Repairs) -> dict[str, Any]:
    """The texts of a row without what is personal; empty ones are None."""
    said = {name: text for name in (*TEXTS, *OPINIONS) if (text := row.get(name))}
    size = row.get("companysize", "")
    if size and (found := company_size(size)) != size:
        repairs.append("companysize")
        size = found or ""
    if size and size not in SIZES:
        said["companysize"] = size
    cleaned = scrub(SEAM.join(said.values()), own, tally.scrubbed).split(SEAM) if said else []
    inputs: dict[str, Any] = dict(zip(said, cleaned, strict=True))
    if size in SIZES:
        inputs["companysize"] = size
    return inputs


def _number(text: str, name: str, repairs: Repairs) -> float | None:
    """A number, with the decimal comma that a spreadsheet may have given it.

    Raises:
        ValueError: it is none.
    """
    if not text:
        return None
    if "," in text and "." not in text:
        repairs.append("decimal comma")
        text = text.replace(",", ".", 1)
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} is not a number")
    return found


def _year(text: str, repairs: Repairs) -> float | None:
    """A year as exports write it, ``2010.0``; one that stands in something else is taken from it."""
    if not text:
        return None
    if _YEAR.fullmatch(text):
        return float(text)
    repairs.append("companyfoundedon")
    found = re.search(r"(?<!\d)(?:1\d|20|21)\d\d(?!\d)", text)
    return float(found.group()) if found else None
