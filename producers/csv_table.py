"""CSV as spreadsheets write it: its encoding, its delimiter, and its records with their places in the file.

A record that cannot be read costs that record alone: it is told by its place, and reading goes on at the next line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from producers.encodings import Encoding, as_meant, encoding_of

DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 1 << 18
"""Characters that a delimiter is told by; a header is shorter."""
_SEPARATOR_LINE = re.compile('"?sep=(.)"?\r?\n', re.IGNORECASE)
_OTHER_FORMATS = (
    (b"PK\x03\x04", "is an Excel workbook or another zip archive: save it as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook: save it as CSV in UTF-8"),
    (b"\x1f\x8b", "is compressed by gzip: unpack it"),
    (b"%PDF", "is a PDF: export the contacts as CSV"),
    (b"PAR1", "is a Parquet file: export the contacts as CSV"),
    (b"<", "is HTML or XML, such as the page of an error or of a login: export the contacts as CSV again"),
    (b"{", "is JSON: export the contacts as CSV, or name a JSONL of contacts .jsonl"),
    (b"[{", "is JSON: export the contacts as CSV, or name a JSONL of contacts .jsonl"),
)

Known = Callable[[Sequence[str]], int]
"""How many of a header's names are known; by them the delimiter is told."""


class Record(NamedTuple):
    """One record, and where it stands."""

    number: int
    """The first one below the header is 1; blank ones count."""
    offset: int
    """Of its first byte in the file."""
    length: int
    """In bytes, its end of line included."""
    values: list[str] | None
    """None where it cannot be read."""
    is_guess: bool = False
    """Whether bytes of it are not of the file's encoding, and read as they most likely were meant."""
    fault: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True)
class CsvTable:
    """A file with a header, opened anew for every reading of its records."""

    path: Path
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    starts: int
    """Records up to and with the header."""

    @classmethod
    def of(cls, path: Path, known: Known) -> CsvTable:
        """Look at a file: the delimiter is the one by which most of the header's names are known.

        Raises:
            ValueError: it is of another format, in one line that says of which and what to do.
        """
        _refuse_other_formats(path)
        encoding = encoding_of(path)
        with _open(path, encoding) as file:
            sample = file.read(SAMPLE)
        stated = _SEPARATOR_LINE.match(sample.lstrip("\ufeff"))  # as Excel writes and obeys it
        candidates = (stated[1],) if stated else DELIMITERS
        delimiter = max(candidates, key=lambda one: _plausible(sample, one, known, skip=bool(stated)))
        for place, row in enumerate(_sampled(sample, delimiter), 1):
            if not _is_blank(row) and not (stated and place == 1):
                return cls(path, encoding, delimiter, tuple(row), place)
        raise ValueError(f"{path} has no header: export the contacts again")

    def records(self) -> Iterator[Record]:
        """The records below the header; a blank one has no values at all."""
        with _open(self.path, self.encoding) as file:
            lines = _Lines(file, self.encoding)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            for number in _counting_from(1 - self.starts):
                lines.begin()
                offset = lines.offset
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except csv.Error as fault:
                    length, is_guess = lines.give_back()
                    if number > 0:
                        yield Record(number, offset, length, None, is_guess, _in_words(fault))
                    continue
                length, is_guess = lines.end()
                if is_guess:
                    values = [as_meant(value) for value in values]
                if number > 0:
                    yield Record(number, offset, length, values, is_guess)


class _Lines:
    """The lines of a file for a `csv.reader`, remembering those of the record in hand."""

    def __init__(self, file: TextIO, encoding: Encoding) -> None:
        self.offset = encoding.mark
        self._encoding = encoding
        self._next = file.__next__
        self._again: list[str] = []
        self._record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._next()
        self._record.append(line)
        return line

    def begin(self) -> None:
        """From here on, lines are of the next record."""
        self._record.clear()

    def end(self) -> tuple[int, bool]:
        """The record's length in bytes, and whether some of it is a guess."""
        text = self._record[0] if len(self._record) == 1 else "".join(self._record)
        length = self._encoding.size(text)
        self.offset += length
        return length, self._encoding.is_guess(text)

    def give_back(self) -> tuple[int, bool]:
        """End the record after its first line: a quote that was never closed must not cost what follows."""
        self._again += reversed(self._record[1:])
        del self._record[1:]
        return self.end()


def _counting_from(number: int) -> Iterator[int]:
    while True:
        yield number
        number += 1


def _open(path: Path, encoding: Encoding) -> TextIO:
    file = path.open("rb")
    file.seek(encoding.mark)
    return io.TextIOWrapper(file, encoding.name, encoding.errors, newline="")


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, words in _OTHER_FORMATS:
        if start.startswith(signature) or head.startswith(signature):
            raise ValueError(f"{path} {words}")


def _sampled(sample: str, delimiter: str) -> list[list[str]]:
    """The first records of a sample; its last one may be cut off."""
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        return list(islice(rows, 50))
    except csv.Error:
        return [next(csv.reader(sample.splitlines()[:1], delimiter=delimiter), [])]


def _is_blank(row: Sequence[str]) -> bool:
    return not any(map(str.strip, row))


def _plausible(sample: str, delimiter: str, known: Known, *, skip: bool) -> tuple[int, int]:
    """Known names, then records as wide as the header: the latter decides for a file of one column."""
    rows = [row for row in _sampled(sample, delimiter)[skip:] if not _is_blank(row)]
    if not rows:
        return 0, 0
    return known(rows[0]), sum(len(row) == len(rows[0]) for row in rows)


def _in_words(fault: csv.Error) -> str:
    """What `csv` says, for people; it names no value."""
    text = str(fault)
    if "unexpected end of data" in text:
        return "a quote is opened and never closed"
    if "field larger" in text:
        return f"a value has more than {csv.field_size_limit():,} characters: is a quote never closed?"
    if "expected after" in text:
        return "a quote is closed in the middle of a value"
    return "not readable as CSV"
