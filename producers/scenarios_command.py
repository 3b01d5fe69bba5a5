"""`driftline scenarios`: each scenario as two CSV files, the contacts and the model's features of them."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Event as Flag
from typing import Any

from driftline.events import INPUTS, Contact
from driftline.options import UsageError
from driftline.workers import print_json
from producers.scenarios import SCENARIOS, Scenario
from producers.synthetic import Labelled

Say = Callable[[str], None]
Features = tuple[Sequence[str], Callable[[Sequence[Contact]], Sequence[Sequence[float]]]]
"""The names of a model's features, and contacts → the features of each in that order."""
Rows = Iterable[Sequence[Any]]
AT_ONCE = 1_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def describe() -> str:
    """The scenarios by name, and what each is about."""
    width = max(map(len, SCENARIOS))
    return "\n".join(f"  {scenario.name:{width}}  {scenario.about}" for scenario in SCENARIOS.values())


def run(options: Namespace, chosen: Sequence[Scenario], features: Features, say: Say, stop: Flag) -> None:
    """Write ``NAME.csv`` and ``NAME_contacts.csv`` of each chosen scenario into the folder that the options name.

    A file is there whole or not at all, whenever this is killed.

    Args:
        stop: ends it after the thousand contacts in hand, without the file that they were for.

    Raises:
        UsageError: the folder cannot be written.
        RuntimeError: it could at first.
    """
    folder = Path(options.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [path for scenario in chosen for path in _write(scenario, options, folder, features, say, stop)]
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as fault:
        raise UsageError(f"-o {folder} cannot be written ({fault.strerror}): name a folder that can") from None
    except OSError as fault:
        raise RuntimeError(f"{folder} takes no more ({fault.strerror}): make room, and run the same again") from None
    if options.json:
        drawn = {"contacts": options.contacts, "severity": options.severity, "onset": options.onset}
        drawn |= {"shape": options.shape, "seed": options.seed}
        print_json({"folder": str(folder), **drawn, "files": [path.name for path in written]})


def _write(
    scenario: Scenario, options: Namespace, folder: Path, features: Features, say: Say, stop: Flag
) -> list[Path]:
    """The files of one scenario; none once ``stop`` is set."""

    def contacts() -> Iterator[list[Labelled]]:
        drawn = scenario.contacts(
            options.contacts, seed=options.seed, start=START, severity=options.severity, onset=options.onset,
            shape=options.shape,
        )  # fmt: skip
        while (some := list(islice(drawn, AT_ONCE))) and not stop.is_set():
            yield some

    names, featurise = features
    tables: dict[str, tuple[Sequence[str], Rows]] = {
        f"{scenario.name}.csv": (names, (row for some in contacts() for row in featurise([one for one, _ in some]))),
        f"{scenario.name}_contacts.csv": (
            (*INPUTS, "engaged"),
            ((*(getattr(one, name) for name in INPUTS), engaged) for some in contacts() for one, engaged in some),
        ),
    }
    written = []
    for name, (header, rows) in tables.items():
        path, partial = folder / name, folder / f".{name}.{os.getpid()}.partial"
        try:
            with partial.open("w", encoding="utf-8", newline="") as text:
                table = csv.writer(text, lineterminator="\n")
                table.writerow(header)
                table.writerows([_cell(value) for value in row] for row in rows)
            if stop.is_set():
                return []
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        written.append(path)
    say(f"{scenario.name}: {options.contacts:,} contacts in {written[0]} and {written[1].name}")
    return written


def _cell(value: float | str | None) -> str:
    """As a person would write it: no .0, nothing for a gap."""
    return f"{value:.6g}" if isinstance(value, int | float) else value or ""
