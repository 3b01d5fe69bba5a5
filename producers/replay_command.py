"""`driftline replay`: which sources, at what pace, and what is said of it."""

from __future__ import annotations

import signal
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from threading import Event as Flag
from typing import Any

from msgspec.structs import replace

from driftline.events import Contact
from driftline.kafka_clients import ensure_topics, wait_for_kafka
from driftline.kafka_sent import settled_positions
from driftline.keys import keys
from driftline.options import UsageError
from driftline.rich_view import ReplayView, replay_progress
from driftline.salt import installation_salt
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS
from driftline.workers import Stopped, print_json
from producers.httpx_replay import HttpSender, Place
from producers.kafka_replay import KafkaSender
from producers.replay import Pacer, Played, Step, latest_run, merged, play, replay_id
from producers.replay_sources import Files, Source, scenario_source
from producers.scenarios import Scenario, scenario

Say = Callable[[str], None]
There = Mapping[str, Mapping[str, set[int]]]

SCENARIO = "scenario:"
SCENARIO_CONTACTS = 5_000
DEFAULT_RATE = 100.0
KAFKA, HTTP = "kafka", "http"
PAGE = 500
"""Contacts a request at most, where nothing else is said."""
LONG_WAIT = 5.0
"""Seconds from which on a replay says when it goes on."""
NAP = 0.1
"""Seconds in which a signal or a key is heeded."""


def run(settings: Settings, options: Namespace, say: Say, stop: Flag) -> None:
    """Replay the sources that the options name; ``stop`` ends it before the next contact."""
    with ExitStack() as stack:
        sources = _sources(stack, settings, options, say)
        _check(options, sources)
        for source in sources:
            say(source.told())
        if options.to != KAFKA:
            _through_api(stack, settings, options, sources, say, stop)
            return
        wait_for_kafka(settings, say, timeout=30, stop=stop)
        if stop.is_set():
            return
        ensure_topics(settings)
        names, there = _names(settings, options, sources, say, stop)
        sender = KafkaSender(settings, there=there, say=say, stop=stop)
        stack.callback(sender.close)
        _replay(options, _steps(options, sources, names), sender, _total(options, sources), say, stop)


def _through_api(
    stack: ExitStack, settings: Settings, options: Namespace, sources: Sequence[Source], say: Say, stop: Flag
) -> None:
    address = settings.api_address if options.to == HTTP else options.to
    if address is None:
        raise UsageError("--to http: no API is known; start `driftline up`, set DRIFTLINE_API_PORT, or give its URL")
    told = "\n".join([options.order, *(f"{source.place} {replay_id(source.content)}" for source in sources)])
    where = replay_id("\n".join([address, *(source.place for source in sources)]))
    place = Place(settings.home / "http-replays" / f"{where.split('.')[0]}.json")
    journal = place.begin(replay_id(told), f"{time.time_ns():x}", resume=options.resume)
    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    sender = HttpSender(address, key, place, journal, page=_page(options), say=say, stop=stop)
    stack.callback(sender.close)
    steps = map(_as_sent_by_http, _steps(options, sources, [source.place for source in sources]))
    with suppress(Stopped):
        _replay(options, steps, sender, _total(options, sources), say, stop)


def _page(options: Namespace) -> int:
    """Contacts a request: what comes in a fifth of a second, but by the original pace each alone."""
    if options.page is not None:
        return int(options.page)
    if options.speed:
        return 1
    return PAGE if options.fast else max(1, min(PAGE, round((options.rate or DEFAULT_RATE) / 5)))


def _as_sent_by_http(step: Step) -> Step:
    """Without its label, which the API does not take; and a scenario's without its time, which differs by run."""
    if step.source.startswith(SCENARIO) and isinstance(step.contact, Contact):
        step = step._replace(contact=replace(step.contact, occurred_at=None))
    return step._replace(engaged=None)


def _steps(options: Namespace, sources: Sequence[Source], names: Sequence[str]) -> Iterator[Step]:
    """The contacts of all sources, under their names, in the order that they are replayed in."""
    streams = [source.read(name) for source, name in zip(sources, names, strict=True)]
    steps = chain.from_iterable(streams) if options.order == "file" else merged(streams)
    return islice(steps, options.limit)


def _replay(
    options: Namespace,
    steps: Iterator[Step],
    sender: KafkaSender | HttpSender,
    total: int | None,
    say: Say,
    stop: Flag,
) -> None:
    rate = None if options.fast or options.speed else options.rate or DEFAULT_RATE
    played, complete, took = Played(), False, 0.0
    try:
        with replay_progress(played, total, rate) as view, _controls(view, stop) as controls:
            pacer = Pacer(
                rate=rate, speed=options.speed, clock=lambda: datetime.now(UTC), sleep=controls.nap,
                paused=controls.paused, waiting=controls.waiting,
            )  # fmt: skip
            began = time.monotonic()
            try:
                play(steps, sender, pacer, played, delay=_labels_delay(options), stop=stop)
                sender.flush()
            finally:
                took = time.monotonic() - began
        complete = not stop.is_set()
    finally:
        _report(options, played, sender, took, complete, say)
        if stop.is_set():
            say("interrupted: the same command with --resume sends the rest")


def _report(
    options: Namespace, played: Played, sender: KafkaSender | HttpSender, seconds: float, complete: bool, say: Say
) -> None:
    """What was sent, also where it did not come to the end."""
    answered = sender.answered.to_json() if isinstance(sender, HttpSender) else {"refused": sender.refused}
    rate = played.contacts / max(1e-9, seconds) if options.fast else played.rate  # what was asked for
    if options.json:
        source = options.source[0] if len(options.source) == 1 else options.source
        counts = {"contacts": played.contacts, "labels": played.labels, "skipped": played.skipped}
        told = {"malformed": played.malformed, "seconds": round(seconds, 3), "rate": round(rate, 1)}
        print_json({"source": source, **counts, **told, **answered, "complete": complete})
    else:
        there = f", {played.skipped:,} were there already" if played.skipped or options.resume else ""
        wrong = f" ({played.malformed:,} malformed)" if played.malformed else ""
        sent = f"sent {played.contacts:,} contacts{wrong} and {played.labels:,} labels in {seconds:,.1f} s"
        say(f"{sent} ({rate:,.0f}/s){there}")
        if isinstance(sender, HttpSender):
            say(_answers(answered))
        elif sender.refused:
            say(f"the broker has refused {sender.refused:,} of them as too large: they are left out")
    if sender.owed:
        say(f"the last {sender.owed:,} of them have not been acknowledged")


def _answers(answered: dict[str, Any]) -> str:
    refused = f", {answered['refused']:,} refused" if answered["refused"] else ""
    if answered["mean_score"] is None:
        return f"the API has scored nothing{refused}"
    versions = ", ".join(answered["model_versions"])
    return f"{answered['engaged']:,} engaged, mean score {answered['mean_score']:.3f}, version {versions}{refused}"


@dataclass
class _Controls:
    """Pause and resume, by signal or key, and what the progress bar shows of it."""

    view: ReplayView
    stop: Flag

    def toggle(self) -> None:
        self.view.paused = not self.view.paused

    def pressed(self, key: str) -> None:
        if key in ("p", " "):
            self.toggle()
        elif key == "q":
            self.stop.set()

    def paused(self) -> bool:
        return self.view.paused and not self.stop.is_set()

    def waiting(self, seconds: float) -> None:
        self.view.next_at = time.monotonic() + seconds if seconds >= LONG_WAIT else None

    def nap(self, seconds: float) -> bool:
        """Sleep so long, or until a pause begins; true where the replay is to end.

        By short sleeps, since a flag that is waited for may not be set by a signal's handler: both take its lock.
        """
        began_paused, until = self.view.paused, time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0 and not self.stop.is_set() and self.view.paused == began_paused:
            time.sleep(min(rest, NAP))
        return self.stop.is_set()


@contextmanager
def _controls(view: ReplayView, stop: Flag) -> Iterator[_Controls]:
    """SIGUSR1 pauses and resumes; in a terminal p and the space bar do, and q ends the replay."""
    controls = _Controls(view, stop)
    before = signal.signal(signal.SIGUSR1, lambda *_: controls.toggle())
    try:
        with keys(controls.pressed):
            yield controls
    finally:
        signal.signal(signal.SIGUSR1, before)


def _sources(stack: ExitStack, settings: Settings, options: Namespace, say: Say) -> list[Source]:
    """The sources in the order named; scenarios among files begin when the first contact of the files occurred."""
    names: list[str] = options.source
    scenarios = {name: scenario_named(name.removeprefix(SCENARIO)) for name in names if name.startswith(SCENARIO)}
    files = stack.enter_context(Files(lambda: installation_salt(settings), say, by_time=options.order == "time"))
    found = {name: files.source(Path(name)) for name in names if name not in scenarios}
    start = min((source.began for source in found.values() if source.began), default=None) or datetime.now(UTC)
    for name, drawn in scenarios.items():
        found[name] = scenario_source(
            drawn, options.limit or SCENARIO_CONTACTS, seed=options.seed, severity=options.severity,
            onset=options.onset, shape=options.shape, start=start,
        )  # fmt: skip
    sources = [found[name] for name in names]
    contents = [source.content for source in sources]  # by which `--resume` tells them from each other
    if again := [source.title for place, source in enumerate(sources) if source.content in contents[:place]]:
        raise UsageError(f"{again[0]} has the contacts of a source that is named before it: name each once")
    return sources


def _check(options: Namespace, sources: Sequence[Source]) -> None:
    """Raises UsageError where what the options ask for needs times that are not there."""
    named = ", ".join(source.title for source in sources)
    timed = any(source.began for source in sources) and options.order == "time"
    why = f"{named} has none" if options.order == "time" else "--order file leaves them aside"
    if options.speed and not timed:
        raise UsageError(f"--speed needs times of contact, and {why}: take --rate or --fast")
    if options.fast and isinstance(options.labels_delay, timedelta) and not timed:
        raise UsageError(
            f"--labels-delay as a time needs times of contact with --fast, and {why}: give a number of contacts"
        )


def _labels_delay(options: Namespace) -> int | timedelta | None:
    """At once where nothing is said, but with ``--speed`` the source may say when."""
    if options.labels_delay is None:
        return None if options.speed else 0
    delay: int | timedelta = options.labels_delay
    return delay


def _total(options: Namespace, sources: Sequence[Source]) -> int:
    there = sum(source.count for source in sources)
    return min(there, options.limit or there)


def _names(
    settings: Settings, options: Namespace, sources: Sequence[Source], say: Say, stop: Flag
) -> tuple[list[str], There]:
    """The names that the records of each source carry, and with ``--resume`` what stands on the topics already."""
    run = f"{time.time_ns() // 1_000_000:011x}"
    names = [source.name(run) for source in sources]
    if not options.resume:
        return names, {}
    say("reading which of the contacts are on the topics already")
    parts = {part for name in names for part in name.split(".")[:2]}
    there = settled_positions(settings, (CONTACTS, LABELS), lambda name: bool(parts & {*name.split(".")[:2]}), stop)
    for number, source in enumerate(sources):
        try:
            names[number] = latest_run(names[number], there[CONTACTS.name]) or names[number]
        except ValueError as fault:
            raise ValueError(f"{source.title}: {fault}") from None
    return names, there


def scenario_named(name: str) -> Scenario:
    """A scenario by its name.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return scenario(name)
    except ValueError as fault:
        raise UsageError(str(fault)) from None
