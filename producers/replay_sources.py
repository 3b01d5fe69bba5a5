"""The sources of a replay, each opened once: how many contacts, from when to when, and in which order they come."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from producers.contact_files import read_contacts
from producers.jsonl import JsonLines, is_jsonl, to_jsonl
from producers.labelled import Labelled
from producers.replay import Step, order_of_time, replay_id
from producers.scenarios import Scenario, Shape

SHOWN = 5
"""Malformed contacts of a source that are told of one by one."""
Say = Callable[[str], None]


@dataclass
class Source:
    """One source: its name, how many contacts it has, the first and last time among them, and how to read it."""

    title: str
    content: bytes
    """What ``--resume`` knows it by."""
    place: str
    count: int
    began: datetime | None
    ended: datetime | None
    read: Callable[[str], Iterator[Step]]
    """Its contacts in order of time, under a name."""
    sorted_by_time: bool = False
    """Whether that is not their own order."""

    def name(self, run: str) -> str:
        """See `producers.replay.replay_id`."""
        return replay_id(self.content, self.place, run)

    def told(self) -> str:
        """What there is to say of it, on one line."""
        when = "" if self.began is None or self.ended is None else f", {self.began.date()} to {self.ended.date()}"
        order = "; not in order of time, so sorted" if self.sorted_by_time else ""
        return f"{self.title}: {self.count:,} contacts{when}{order}"


@dataclass
class Rejections:
    """Says which lines of a file are no contacts: the first few, and at the end how many more there were."""

    title: str
    say: Say
    count: int = 0

    def __call__(self, row: int, why: str) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self.say(f"{self.title}, row {row} is no contact: {why}")

    def close(self) -> None:
        """Say how many have not been told of."""
        if self.count > SHOWN:
            self.say(f"{self.title}: {self.count - SHOWN:,} more rows are no contacts")


@dataclass
class Files:
    """Opens files of contacts; use it as a context manager, which closes them.

    A JSONL is read where it stands. Of a CSV one is made first, in a temporary file that is gone with this process
    however it ends: times may stand in any order in a CSV, and memory is not to grow with it.
    """

    salt: Callable[[], str]
    """Asked for only where a file is."""
    say: Say
    by_time: bool = True
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def source(self, path: Path) -> Source:
        """A file as a source.

        Raises:
            ValueError: it is none, or holds no contacts.
        """
        rejections = Rejections(path.name, self.say)
        self._open.callback(rejections.close)
        contacts = read_contacts(path, salt=self.salt(), rejected=rejections)
        lines = JsonLines(self._open.enter_context(path.open("rb")) if is_jsonl(path) else self._spooled(contacts))
        if not len(lines):
            raise ValueError(f"there are no contacts in {path}")
        times, order = order_of_time(lines.times) if self.by_time else (np.nan_to_num(lines.times, nan=-np.inf), None)

        def read(name: str) -> Iterator[Step]:
            for position, labelled in lines.read(order, rejections):
                yield Step(float(times[position]), name, position, *labelled)

        began, ended = _reach(lines.times)
        content, place = lines.digest, str(path.absolute())
        return Source(path.name, content, place, len(lines), began, ended, read, sorted_by_time=order is not None)

    def _spooled(self, contacts: Iterator[Labelled]) -> IO[bytes]:
        file = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (closed with the others)
        for labelled in contacts:
            file.write(to_jsonl(labelled))
        file.seek(0)
        return file


def scenario_source(
    found: Scenario, count: int, *, seed: int, severity: float, onset: int, shape: Shape, start: datetime
) -> Source:
    """A scenario as a source: ``count`` contacts from ``start`` on, known by what they are drawn by."""

    def read(name: str) -> Iterator[Step]:
        drawn = found.contacts(count, seed=seed, severity=severity, onset=onset, shape=shape, start=start)
        for position, (contact, engaged) in enumerate(drawn):
            time = (contact.occurred_at or start).timestamp()
            yield Step(time, name, position, contact, engaged, None)

    told = f"scenario:{found.name}:{seed}:{severity}:{onset}:{shape}"
    return Source(f"scenario:{found.name}", told.encode(), told, count, start, None, read)


def _reach(times: NDArray[np.float64]) -> tuple[datetime | None, datetime | None]:
    if np.isnan(times).all():
        return None, None
    first, last = float(np.nanmin(times)), float(np.nanmax(times))
    return tuple(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second) for second in (first, last))  # type: ignore[return-value]
