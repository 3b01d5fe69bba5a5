"""A JSONL of contacts: what the import writes, and what is past it. One a line, with its label if it has one."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.events import UNREADABLE, Contact, Timestamp, decode
from producers.labelled import Labelled, Rejected

SUFFIXES = (".jsonl", ".ndjson")
_SENT_NEVER = b'{"sent_at":"1970-01-01T00:00:00Z",'  # what a line may leave out; its own comes later and wins
_AT_A_TIME = 4_096


class _Outcome(msgspec.Struct, gc=False):
    """What a line says beside the contact."""

    engaged: bool | int | float | None = None
    labelled_at: Timestamp | None = None


class _Occurred(msgspec.Struct, gc=False):
    occurred_at: Timestamp | None = None


_outcome = msgspec.json.Decoder(_Outcome)
_occurred = msgspec.json.Decoder(_Occurred)


class JsonLines:
    """A JSONL that is read twice: at once, line by line, for its times; then, in any order, for its contacts.

    Of each contact 32 bytes are kept in memory. The file stays the caller's to close; what is appended to it later is
    not read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        digest = hashlib.sha256()
        starts, sizes, numbers, times = array("q"), array("q"), array("q"), array("d")
        offset = 0
        for number, line in enumerate(file, 1):
            digest.update(line)
            if not line.isspace():
                starts.append(offset)
                sizes.append(len(line))
                numbers.append(number)
                times.append(_time_of(line))
            offset += len(line)
        self.digest: bytes = digest.digest()
        """SHA-256 of the file."""
        self.times: NDArray[np.float64] = np.array(times)
        """Epoch seconds at which each contact occurred, NaN where its line does not say."""
        self._lines = np.array([starts, sizes, numbers])

    def __len__(self) -> int:
        return len(self.times)

    def read(self, order: NDArray[np.int64] | None, rejected: Rejected) -> Iterator[tuple[int, Labelled]]:
        """The contacts and their positions in the file, in the order of these positions (None: of the file).

        Args:
            rejected: as for `from_jsonl`.
        """
        file = self._file.fileno()
        for begin in range(0, len(self), _AT_A_TIME):
            chosen = np.arange(len(self))[begin : begin + _AT_A_TIME] if order is None else order[begin:][:_AT_A_TIME]
            starts, sizes, numbers = self._lines[:, chosen].tolist()
            for position, start, size, number in zip(chosen.tolist(), starts, sizes, numbers, strict=True):
                yield position, _labelled(os.pread(file, size, start), number, rejected)


def is_jsonl(path: Path) -> bool:
    """Whether a file is one, by its name."""
    return path.suffix.lower() in SUFFIXES


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
            if not line.isspace():
                yield _labelled(line, number, rejected)


def _labelled(line: bytes, number: int, rejected: Rejected) -> Labelled:
    try:
        return labelled_of_line(line)
    except ValueError as why:
        rejected(number, str(why))
        return Labelled(line.rstrip(b"\r\n"))


def labelled_of_line(line: bytes) -> Labelled:
    """The contact and the label of a line; ``sent_at`` may be missing, since a replay sets it.

    Raises:
        ValueError: the line is no contact, its label neither 0 nor 1, or the label's time none.
    """
    text = line.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        raise ValueError("not a JSON object")
    try:
        outcome = _outcome.decode(text)
    except msgspec.ValidationError as fault:
        if "$.engaged" in str(fault):
            raise ValueError("engaged is neither 0 nor 1") from None
        raise ValueError("labelled_at is no time (RFC 3339 with an offset)") from None
    except UNREADABLE:
        raise ValueError("not JSON") from None
    if outcome.engaged not in (0, 1, None):
        raise ValueError("engaged is neither 0 nor 1")
    contact = decode(Contact, _SENT_NEVER + text[1:])
    return Labelled(contact, None if outcome.engaged is None else int(outcome.engaged), outcome.labelled_at)


def _time_of(line: bytes) -> float:
    """Epoch seconds; NaN where there is none, or the line is malformed, which is said when it is read."""
    try:
        found = _occurred.decode(line).occurred_at
    except UNREADABLE:
        return np.nan
    return np.nan if found is None else found.timestamp()


def to_jsonl(labelled: Labelled) -> bytes:
    """One line of a JSONL of contacts, with the label where there is one; raw bytes as they are."""
    if isinstance(labelled.contact, bytes):
        return labelled.contact + b"\n"
    document = msgspec.to_builtins(labelled.contact)
    label = {"engaged": labelled.engaged, "labelled_at": labelled.labelled_at}
    known = {name: value for name, value in label.items() if value is not None}
    return msgspec.json.encode(document | known) + b"\n"
