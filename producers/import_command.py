"""`driftline import`: an export in, enriched contacts without personal data out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag

from driftline.salt import installation_salt
from driftline.settings import Settings
from driftline.workers import print_json
from producers.contact_files import read_contacts
from producers.enrichment import Enrich
from producers.jsonl import to_jsonl

Say = Callable[[str], None]


def run(settings: Settings, options: Namespace, say: Say, stop: Flag) -> None:
    """Read the export that the options name, enrich its contacts, write them as JSONL."""
    source, out = Path(options.file), Path(options.out)
    contacts = read_contacts(
        source,
        salt=installation_salt(settings),
        rejected=lambda row, why: say(f"{source.name}, row {row} is no contact: {why}"),
    )
    written = 0
    with out.open("wb") as lines:
        for labelled in _enricher(settings, options, say)(contacts):
            lines.write(to_jsonl(labelled))
            written += 1
            if stop.is_set():
                break
    if options.json:
        print_json({"file": options.file, "out": options.out, "contacts": written})
    else:
        say(f"{written:,} contacts written to {out}")


def _enricher(settings: Settings, options: Namespace, say: Say) -> Enrich:
    if options.enrich == "openai":
        from producers.openai_command import enricher  # noqa: PLC0415  (its client takes a second to import)

        return enricher(settings, options, say)
    return iter
