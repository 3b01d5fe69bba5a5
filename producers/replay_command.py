"""`driftline replay`: which source, at what pace, and what is said of it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import starmap
from pathlib import Path
from threading import Event as Flag

from driftline.kafka_clients import wait_for_kafka
from driftline.options import UsageError
from driftline.rich_view import replay_progress
from driftline.salt import installation_salt
from driftline.settings import Settings
from driftline.workers import print_json
from producers.contact_files import read_contacts
from producers.kafka_replay import replay, replay_id
from producers.labelled import Labelled
from producers.replay import Pacer
from producers.scenarios import Scenario, scenario

Say = Callable[[str], None]


def run(settings: Settings, options: Namespace, say: Say, stop: Flag) -> None:
    """Replay the source that the options name; ``stop`` ends it after the contact in hand."""
    contacts, name, total = _source(settings, options, say)
    wait_for_kafka(settings, say, timeout=30, stop=stop)
    rate = None if options.fast or options.speed else options.rate or 100.0
    pacer = Pacer(rate=rate, speed=options.speed, clock=lambda: datetime.now(UTC), sleep=stop.wait)
    started = time.monotonic()
    with replay_progress(min(total or options.limit or 0, options.limit or total or 0) or None) as progress:
        sent = replay(
            settings, replay_id(name), contacts, resume=options.resume, limit=options.limit,
            labels_delay=options.labels_delay, pace=pacer, progress=progress, stop=stop,
        )  # fmt: skip
    seconds = time.monotonic() - started
    if options.json:
        document = {"contacts": sent.contacts, "labels": sent.labels, "skipped": sent.skipped}
        print_json({"source": options.source, **document, "seconds": round(seconds, 3)})
    else:
        say(f"sent {sent.contacts:,} contacts and {sent.labels:,} labels, {sent.skipped:,} were there already")


def _source(settings: Settings, options: Namespace, say: Say) -> tuple[Iterator[Labelled], str, int | None]:
    """The contacts of a source, its name for ``--resume``, and how many there are if that is known."""
    if not options.source.startswith("scenario:"):
        path = Path(options.source)
        contacts = read_contacts(
            path,
            salt=installation_salt(settings),
            rejected=lambda row, why: say(f"{path.name}, row {row} is no contact: {why}"),
        )
        return contacts, f"file:{path.absolute()}", None
    name = options.source.removeprefix("scenario:")
    total = options.limit or 5_000
    drawn = scenario_named(name).contacts(
        total, seed=options.seed, severity=options.severity, onset=options.onset, shape=options.shape,
        start=datetime.now(UTC),
    )  # fmt: skip
    told = f"scenario:{name}:{options.seed}:{options.severity}:{options.onset}:{options.shape}"
    return starmap(Labelled, drawn), told, total


def scenario_named(name: str) -> Scenario:
    """A scenario by its name.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return scenario(name)
    except ValueError as fault:
        raise UsageError(str(fault)) from None
