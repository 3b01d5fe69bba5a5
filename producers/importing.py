"""An import: every row of an export is written, or counted with the reason why not.

Two passes over the file, so that of the rows of one contact the last one wins however far they are apart: the first
keeps eight bytes a row, the second makes the contacts. Nothing else grows with the file.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.contact_files import check_file
from producers.jsonl import is_jsonl
from producers.labelled import Labelled
from producers.lemlist import PERSONAL, UNUSED, Export, Tally, contact_id

EVERY = 500
"""Rows between two calls of `Progress`."""

Progress = Callable[[int], None]
"""Told how many bytes of the file have been read."""
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class DeadRow(NamedTuple):
    """A row that is no contact: where its bytes stand in the user's own file, and why; nothing of what they say."""

    row: int
    """The first one below the header is 1."""
    offset: int
    length: int
    reason: str


@dataclass
class ImportReport:
    """What became of the rows of a file. ``read`` is duplicates, dropped ones and contacts together."""

    read: int = 0
    duplicates: int = 0
    contacts: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    engaged: int = 0
    not_engaged: int = 0
    timed: int = 0
    """Labels with the time since when they are known."""
    tally: Tally = field(default_factory=Tally)

    @property
    def is_clean(self) -> bool:
        """Whether every row was taken as it stands."""
        return not self.dropped and not self.tally.repaired

    def count(self, labelled: Labelled) -> None:
        """One more contact."""
        self.contacts += 1
        self.engaged += labelled.engaged == 1
        self.not_engaged += labelled.engaged == 0
        self.timed += labelled.labelled_at is not None

    def to_json(self) -> dict[str, Any]:
        """As ``driftline import --json`` prints it."""
        return {
            "read": self.read,
            "contacts": self.contacts,
            "duplicates": self.duplicates,
            "dropped": dict(self.dropped.most_common()),
            "repaired": dict(self.tally.repaired.most_common()),
            "scrubbed": dict(self.tally.scrubbed.most_common()),
            "labels": {
                "engaged": self.engaged,
                "not_engaged": self.not_engaged,
                "unlabelled": self.contacts - self.engaged - self.not_engaged,
                "with_time": self.timed,
            },
        }


class Import:
    """An export that is to be imported, looked at once before its contacts are read.

    Args:
        salt: see `producers.lemlist.contact_id`.

    Raises:
        ValueError: there is no such file, or no contacts in it.
    """

    def __init__(self, path: Path, *, salt: str, progress: Progress = lambda read: None) -> None:
        check_file(path)
        if is_jsonl(path):
            raise ValueError(f"{path} is a JSONL of contacts, which is past the import: replay it as it is")
        self.export = Export.of(path)
        self._salt = salt
        self._stays = self._survey(progress)

    def _survey(self, progress: Progress) -> NDArray[np.bool_]:
        """Of each row without a fault, whether it is the last of its contact."""
        keys = array("Q")
        for place, row in enumerate(self.export.rows()):
            if not row.fault:
                keys.append(int(contact_id(row.columns, self._salt)[:16], 16))
            if place % EVERY == 0:
                progress(row.record.offset)
        return last_of_each(np.frombuffer(keys, np.uint64))

    @property
    def has_contacts(self) -> bool:
        """Whether there is any row without a fault."""
        return len(self._stays) > 0

    def contacts(
        self,
        report: ImportReport,
        *,
        dead: Callable[[DeadRow], None] = lambda row: None,
        progress: Progress = lambda read: None,
    ) -> Iterator[Labelled]:
        """The contacts in the order of the file, each at the place of its last row, not enriched.

        Args:
            report: is told of every row.
            dead: takes the rows that are no contacts.

        Raises:
            ValueError: the file has changed since it was looked at.
        """
        good = 0
        for place, row in enumerate(self.export.rows()):
            report.read += 1
            if place % EVERY == 0:
                progress(row.record.offset)
            if row.fault:
                report.dropped[row.fault] += 1
                dead(DeadRow(row.record.number, row.record.offset, row.record.length, row.fault))
                continue
            good += 1
            if good > len(self._stays):
                break
            if not self._stays[good - 1]:
                report.duplicates += 1
                continue
            labelled = self.export.contact(row, self._salt, report.tally)
            report.count(labelled)
            yield labelled
        if good != len(self._stays):
            raise ValueError(f"{self.export.table.path} changed while it was read: import it again")
        if self.export.repeated:
            report.tally.repaired["repeated column"] += self.export.repeated

    def describe(self) -> dict[str, Any]:
        """How the file was read, and what its columns are; a name that is no export's is never repeated."""
        table, names = self.export.table, self.export.names
        return {
            "encoding": table.encoding.name,
            "delimiter": DELIMITER_NAMES.get(table.delimiter, "as its first line states"),
            "columns": {
                "used": sum(bool(name) and name not in (*PERSONAL, *UNUSED) for name in names),
                "personal": sum(name in PERSONAL for name in names),
                "unused": [name for name in names if name in UNUSED],
                "unknown": sum(not name for name in names),
            },
        }


def last_of_each(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether no later key is the same.

    Two different contacts share a key of 64 bits with probability n²/2⁶⁵: 3 in 10⁸ for a million of them.

    >>> last_of_each(np.array([7, 8, 7, 9], np.uint64)).tolist()
    [False, True, True, True]
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_last = np.ones(len(keys), np.bool_)
    is_last[order[:-1]] = ordered[1:] != ordered[:-1]
    return is_last
