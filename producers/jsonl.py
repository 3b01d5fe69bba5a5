"""A JSONL of contacts: what the import writes, and what is past it. One a line, with its label if it has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from driftline.events import Contact, decode
from producers.labelled import Labelled, Rejected

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_jsonl(path: Path) -> None:
    """Some malformed lines are dead letters to be; a file of them is the wrong file, and would stop the scorer."""
    wrong: list[str] = []
    first = list(islice(from_jsonl(path, lambda line, why: wrong.append(f"line {line}: {why}")), 100))
    if len(wrong) * 2 > len(first):
        raise ValueError(f"{path} is not a JSONL of contacts ({wrong[0]}): each line holds one, with an id")


def from_jsonl(path: Path, rejected: Rejected) -> Iterator[Labelled]:
    """Its contacts in order; a line that is none is handed on as it is, since it is past the import."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield Labelled(*_contact_of_json(line))
            except ValueError as why:
                rejected(number, str(why))
                yield Labelled(line.rstrip(b"\r\n"))


def _contact_of_json(line: bytes) -> tuple[Contact, int | None]:
    """Raises ValueError where the line is no contact, or its label neither 0 nor 1."""
    try:
        document = json.loads(line)
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (a fault of the file, not of the caller)
    engaged = document.pop("engaged", None)
    if engaged not in (0, 1, None):
        raise ValueError("engaged is neither 0 nor 1")
    contact = decode(Contact, json.dumps({"sent_at": EPOCH.isoformat()} | document).encode())
    return contact, None if engaged is None else int(engaged)


def to_jsonl(labelled: Labelled) -> bytes:
    """One line of a JSONL of contacts, with the label where there is one; raw bytes as they are."""
    if isinstance(labelled.contact, bytes):
        return labelled.contact + b"\n"
    document = msgspec.to_builtins(labelled.contact)
    label = {"engaged": labelled.engaged, "labelled_at": labelled.labelled_at}
    known = {name: value for name, value in label.items() if value is not None}
    return msgspec.json.encode(document | known) + b"\n"
