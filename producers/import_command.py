"""`driftline import`: an export in, enriched contacts without personal data out, and a report of every row."""

from __future__ import annotations

import errno
import json
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from driftline.options import UsageError
from driftline.rich_view import file_progress
from driftline.salt import installation_salt
from driftline.settings import Settings
from driftline.workers import print_json
from producers.enrichment import offline
from producers.enrichment_fields import Enrich
from producers.importing import DeadRow, Import, ImportReport
from producers.jsonl import to_jsonl

Say = Callable[[str], None]
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def run(settings: Settings, options: Namespace, say: Say) -> None:
    """Read the export that the options name, enrich its contacts, write them as JSONL.

    Raises:
        UsageError: the contacts cannot be written where the options say.
        ValueError: the file holds no contacts; or, with ``--strict``, not every row of it is as it should be.
    """
    source, out = Path(options.file), Path(options.out)
    _check_places(source, out)
    enrich, enrichment = _enricher(settings, options, say)
    size = source.stat().st_size if source.is_file() else 0
    with file_progress(size, "looking for duplicates") as progress:
        importing = Import(source, salt=installation_salt(settings), progress=progress)
    dead_letters = out.with_name(f"{out.stem}.dead-letters.jsonl")
    if options.strict or not importing.has_contacts:
        report = _rehearse(importing, dead_letters, size)
        if not (report.is_clean and report.contacts):
            _tell(_document(options, importing, report, None, dead_letters), as_json=options.json)
            way_out = "mend the export, or leave --strict out" if report.contacts else "name the right file"
            raise ValueError(f"{source}: {_faults(report)}; {out} is not written: {way_out}")
    with file_progress(size, "importing") as progress:
        report = _write(importing, enrich, out, dead_letters, progress)
    document = _document(options, importing, report, out, dead_letters)
    _tell(document | enrichment(), as_json=options.json)


def _check_places(source: Path, out: Path) -> None:
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder: name a file in it")
    if out.exists() and not out.is_file():  # OUT takes the place of what is there
        raise UsageError(f"--out {out} is a pipe or a device: name a file")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it first")
    if not os.access(out.parent, os.W_OK):
        raise UsageError(f"--out {out}: {out.parent} cannot be written to; name another folder")
    if source.exists() and out.exists() and source.samefile(out):
        raise UsageError(f"--out {out} is the export itself: name another file")


def _enricher(settings: Settings, options: Namespace, say: Say) -> tuple[Enrich, Callable[[], dict[str, Any]]]:
    """Who fills the fields, and what there is to report of it."""
    if options.enrich == "openai":
        from producers.openai_command import enricher  # noqa: PLC0415  (its client takes a second to import)

        found = enricher(settings, options, say)
        return found, lambda: {"enrichment": found.report()}
    return offline, dict


def _rehearse(importing: Import, dead_letters: Path, size: int) -> ImportReport:
    """Read all without enriching or writing a contact: a file that is refused must cost nothing."""
    report = ImportReport()
    with file_progress(size, "checking") as progress, _dead_letters(importing, dead_letters) as dead:
        for _ in importing.contacts(report, dead=dead, progress=progress):
            pass
    return report


def _write(
    importing: Import, enrich: Enrich, out: Path, dead_letters: Path, progress: Callable[[int], None]
) -> ImportReport:
    """Write the contacts, all or, if anything interrupts, none."""
    report = ImportReport()
    with _replacing(out) as lines, _dead_letters(importing, dead_letters) as dead:
        for labelled in enrich(importing.contacts(report, dead=dead, progress=progress)):
            lines.write(to_jsonl(labelled))
    return report


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the path's place when all is written to it, and is gone if that never comes."""
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as fault:
        if fault.errno not in _OF_THE_DISK:
            raise
        raise RuntimeError(f"cannot write {path} ({fault.strerror}): make room, or name another folder") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def _dead_letters(importing: Import, path: Path) -> Iterator[Callable[[DeadRow], None]]:
    """Takes dead rows; afterwards there is a file of them if there was any, and none of an earlier import if not."""
    name, taken = importing.export.table.path.name, 0
    with _replacing(path) as file:

        def take(row: DeadRow) -> None:
            nonlocal taken
            taken += 1
            file.write(json.dumps({"file": name} | row._asdict()).encode() + b"\n")

        yield take
    if not taken:
        path.unlink()


def _document(
    options: Namespace, importing: Import, report: ImportReport, out: Path | None, dead_letters: Path
) -> dict[str, Any]:
    return {
        "file": options.file,
        "out": None if out is None else str(out),
        "dead_letters": str(dead_letters) if report.dropped else None,
        **importing.describe(),
        **report.to_json(),
    }


def _faults(report: ImportReport) -> str:
    dropped, repaired = report.dropped.total(), report.tally.repaired
    told = ["there are no rows below the header"] * (not report.read)
    told += [f"no contacts: {dropped:,} rows"] * (dropped > 0)
    told += [f"{kind} repaired: {count:,}" for kind, count in repaired.most_common()]
    return ", ".join(told)


def _tell(document: dict[str, Any], *, as_json: bool) -> None:
    """The report on standard output."""
    if as_json:
        print_json(document)
    else:
        print("\n".join(report_lines(document)), flush=True)


def report_lines(document: dict[str, Any]) -> list[str]:
    """The report for people, one line for each of its figures."""
    columns, labels = document["columns"], document["labels"]
    kinds = f"{columns['used']} used, {columns['personal']} personal, {len(columns['unused'])} not used"
    kinds += f", {columns['unknown']} unknown" * bool(columns["unknown"])
    labelled = f"{labels['engaged']:,} engaged, {labels['not_engaged']:,} not; {labels['with_time']:,} with their time"
    told = {
        "read": (document["read"], f"rows; {document['encoding']}, {document['delimiter']}; columns: {kinds}"),
        "written": (document["contacts"], f"contacts to {document['out']}") if document["out"] else (0, "contacts"),
        "labelled": (labels["engaged"] + labels["not_engaged"], labelled),
        "unlabelled": (labels["unlabelled"], ""),
        "duplicates": (document["duplicates"], "of each contact the last row is kept"),
        **{what: _by_kind(document[what]) for what in ("dropped", "repaired", "scrubbed")},
    }
    lines = [f"{name:10} {count:>9,}  {words}".rstrip() for name, (count, words) in told.items()]
    if document["dead_letters"]:
        lines.append(f"where the dropped rows stand in the export: {document['dead_letters']}")
    return lines


def _by_kind(counts: dict[str, int]) -> tuple[int, str]:
    return sum(counts.values()), ", ".join(f"{kind}: {count:,}" for kind, count in counts.items())
