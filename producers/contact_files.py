"""Contacts from a file of any kind known here: LemList exports, enriched CSVs, and JSONL of contacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from producers.jsonl import check_jsonl, from_jsonl
from producers.labelled import Labelled, Rejected
from producers.lemlist import from_csv


def read_contacts(path: Path, *, salt: str, rejected: Rejected = lambda row, why: None) -> Iterator[Labelled]:
    """The contacts of a file with their labels, where they have one; ``sent_at`` is left for the replay to set.

    A row of a CSV that is no contact is left out, since its raw text may hold personal data; a line of a JSONL, which
    is past import, is handed on as it is.

    Args:
        salt: see `producers.lemlist.contact_id`.
        rejected: told of every row or line that is no contact.

    Raises:
        ValueError: no such file, nothing in it, or no contacts in any format known here.
    """
    if not path.is_file():
        raise ValueError(f"no file {path}: name a LemList CSV, an enriched CSV, a JSONL of contacts, or scenario:NAME")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: export the contacts again")
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        check_jsonl(path)
        return from_jsonl(path, rejected)
    return from_csv(path, salt=salt, rejected=rejected)
