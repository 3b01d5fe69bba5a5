"""Contacts from a file of any kind known here: LemList exports, enriched CSVs, and JSONL of contacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from producers.enrichment import offline
from producers.enrichment_fields import Enrich
from producers.jsonl import check_jsonl, from_jsonl, is_jsonl
from producers.labelled import Labelled, Rejected
from producers.lemlist import Export, Tally


def read_contacts(
    path: Path, *, salt: str, rejected: Rejected = lambda row, why: None, enricher: Enrich | None = None
) -> Iterator[Labelled]:
    """The contacts of a file with their labels, where they have one; ``sent_at`` is left for the replay to set.

    A row of a CSV that is no contact is left out, since its raw text may hold personal data; a line of a JSONL, which
    is past import, is handed on as it is.

    Args:
        salt: see `producers.lemlist.contact_id`.
        rejected: told of every row or line that is no contact.
        enricher: fills the ``llm_*`` fields of a CSV's contacts that have none; the offline rules without one.

    Raises:
        ValueError: no such file, nothing in it, or no contacts in any format known here.
    """
    check_file(path)
    if is_jsonl(path):
        check_jsonl(path)
        return from_jsonl(path, rejected)
    return (enricher or offline)(_from_csv(Export.of(path), salt, rejected))


def check_file(path: Path) -> None:
    """Raises ValueError where there is no such file, or nothing in it; a pipe is none, since files are read twice."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a folder, a pipe or a device: name a file, or save what comes from there in one")
    if not path.is_file():
        raise ValueError(f"no file {path}: name a LemList CSV, an enriched CSV, or a JSONL of contacts")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: export the contacts again")


def _from_csv(export: Export, salt: str, rejected: Rejected) -> Iterator[Labelled]:
    tally = Tally()
    for row in export.rows():
        if row.fault:
            rejected(row.record.number, row.fault)
        else:
            yield export.contact(row, salt, tally)
