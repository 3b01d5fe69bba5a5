"""What is replayed when, on a clock that does as it is told."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from threading import Event

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from driftline.events import Contact, Label
from producers.replay import (
    CATCH_UP,
    NO_TIME,
    TICK,
    Pacer,
    Played,
    Step,
    latest_run,
    merged,
    order_of_time,
    play,
    replay_id,
)  # fmt: skip

START = datetime(2026, 1, 1, tzinfo=UTC)
T0 = START.timestamp()
Sent = list[tuple[str, int, datetime]]


class World:
    """A clock, sleeps that may take too long, a pause, and what was sent when."""

    def __init__(self, overslept: float = 0.0) -> None:
        self.now, self.overslept, self.slept = START, overslept, 0.0
        self.pauses: list[tuple[float, float]] = []
        """From and until, in seconds since the start."""
        self.sent: Sent = []
        self.there: set[tuple[str, int]] = set()
        self.stop = Event()
        self.stop_after = 10**9

    @property
    def since(self) -> float:
        return (self.now - START).total_seconds()

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> bool:
        changes = [at - self.since for pause in self.pauses for at in pause if at > self.since]
        seconds = min([seconds, *changes])  # as a pause ends a sleep
        self.now += timedelta(seconds=seconds + self.overslept, microseconds=1)  # datetimes know no less
        return self.stop.is_set()

    def paused(self) -> bool:
        return any(begin <= self.since < end for begin, end in self.pauses)

    def pacer(self, rate: float | None = None, speed: float | None = None) -> Pacer:
        return Pacer(rate=rate, speed=speed, clock=self.clock, sleep=self.sleep, paused=self.paused)

    def has_contact(self, source: str, position: int) -> bool:
        return ("contact", position) in self.there

    def has_label(self, source: str, position: int) -> bool:
        return ("label", position) in self.there

    def contact(self, source: str, position: int, contact: Contact | bytes) -> None:
        if isinstance(contact, Contact):
            assert contact.sent_at == self.now
        self._take("contact", position)

    def label(self, source: str, position: int, label: Label) -> None:
        assert label.labelled_at <= self.now
        self._take("label", position)

    def _take(self, what: str, position: int) -> None:
        self.sent.append((what, position, self.now))
        if len(self.sent) >= self.stop_after:
            self.stop.set()

    def play(self, steps: Iterable[Step], pacer: Pacer, delay: int | timedelta | None = 0) -> Played:
        played = Played()
        play(steps, self, pacer, played, delay=delay, stop=self.stop)
        return played

    def seconds(self, what: str) -> list[float]:
        return [(at - START).total_seconds() for kind, _, at in self.sent if kind == what]


def step(position: int, seconds: float | None = None, engaged: int | None = 1, labelled: float | None = None) -> Step:
    """A contact that occurred so many seconds after the start, and was labelled so many after it."""
    at = NO_TIME if seconds is None else T0 + seconds
    label = None if labelled is None else START + timedelta(seconds=labelled)
    return Step(at, "s", position, Contact(id=f"c{position}", sent_at=START), engaged, label)


@given(
    rate=st.floats(1, 5_000), n=st.integers(200, 1_500), overslept=st.floats(0, 0.01),
    work=st.lists(st.floats(0, 0.0001), min_size=1, max_size=20),
)  # fmt: skip
def test_a_rate_is_held_on_average_however_long_single_sleeps_take(
    rate: float, n: int, overslept: float, work: list[float]
) -> None:
    world = World(overslept)
    pacer = world.pacer(rate=rate)
    for position in range(n):
        sent = pacer(Contact(id="c", sent_at=START)).sent_at
        due = position / rate
        assert -TICK - 1e-5 <= (sent - START).total_seconds() - due <= overslept + sum(work) + 1e-5
        world.now += timedelta(seconds=work[position % len(work)])
    assert abs((sent - START).total_seconds() - (n - 1) / rate) <= TICK + overslept + sum(work) + 1e-5


@given(stall=st.floats(0, 100), rate=st.floats(10, 1_000))
def test_after_a_stall_no_more_is_made_up_for_than_a_second(stall: float, rate: float) -> None:
    world = World()
    pacer = world.pacer(rate=rate)
    contact = Contact(id="c", sent_at=START)
    pacer(contact)
    world.now += timedelta(seconds=stall)
    resumed = world.now
    at_once = 0
    while pacer(contact).sent_at == resumed and at_once < 2_000:
        at_once += 1
    assert at_once <= (min(stall, CATCH_UP) + TICK) * rate + 2


@given(
    pauses=st.lists(st.tuples(st.integers(0, 8), st.floats(0.1, 50)), max_size=3),
    original=st.booleans(),
)  # fmt: skip
def test_a_pause_moves_what_comes_after_it_and_nothing_else(pauses: list[tuple[int, float]], original: bool) -> None:
    world = World()
    begin = 0.0
    for gap, length in pauses:
        begin += gap * 0.5 + 0.25  # between two contacts
        world.pauses.append((begin, begin + length))
        begin += length
    steps = [step(n, n * 0.5, engaged=None) for n in range(40)]
    world.play(steps, world.pacer(speed=1.0) if original else world.pacer(rate=2.0))
    for due, sent in zip((n * 0.5 for n in range(40)), world.seconds("contact"), strict=True):
        paused = 0.0
        for begin, end in world.pauses:
            if due + paused > begin - TICK:
                paused += end - begin
        assert sent == pytest.approx(due + paused, abs=TICK)
    assert not any(begin <= sent < end for sent in world.seconds("contact") for begin, end in world.pauses)


def test_the_original_gaps_are_kept_so_many_times_faster_and_what_has_no_time_follows_at_once() -> None:
    world = World()
    times = [None, 0.0, 600.0, 600.0, 7_200.0]
    world.play([step(n, at) for n, at in enumerate(times)], world.pacer(speed=60.0))
    assert world.seconds("contact") == pytest.approx([0, 0, 10, 10, 120])


def test_a_long_wait_is_announced() -> None:
    world, told = World(), list[float]()
    pacer = Pacer(rate=None, speed=1.0, clock=world.clock, sleep=world.sleep, waiting=told.append)
    world.play([step(0, 0.0), step(1, 3_600.0)], pacer)
    assert told == [3_600.0]


def test_a_clock_that_is_set_back_does_not_stop_the_replay() -> None:
    world = World()
    pacer = world.pacer(rate=10)
    contact = Contact(id="c", sent_at=START)
    pacer(contact)
    world.now -= timedelta(hours=1)
    for _ in range(10):
        pacer(contact)
    assert world.now <= START - timedelta(hours=1) + timedelta(seconds=1.01)


@given(
    times=st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=30),
)
def test_order_of_time_is_stable_and_what_has_no_time_stays_behind_its_predecessor(times: list[int | None]) -> None:
    filled, order = order_of_time(np.array([np.nan if at is None else at for at in times], dtype=float))
    found = list(range(len(times))) if order is None else order.tolist()
    last, expected = -np.inf, []
    for position, at in enumerate(times):
        last = last if at is None else at
        expected.append((last, position))
    assert [(filled[position], position) for position in found] == sorted(expected)


def test_several_sources_are_merged_by_time_and_keep_their_own_order() -> None:
    first = [step(n, at) for n, at in enumerate([None, 1.0, 4.0])]
    second = [step(n, at)._replace(source="t") for n, at in enumerate([1.0, 2.0, 9.0])]
    found = [(one.source, one.position) for one in merged([first, second])]
    assert found == [("s", 0), ("s", 1), ("t", 0), ("t", 1), ("s", 2), ("t", 2)]


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (0, "c0 l0 c1 l1 c2 l2 c3 l3"),
        (2, "c0 c1 c2 l0 c3 l1 l2 l3"),
        (9, "c0 c1 c2 c3 l0 l1 l2 l3"),
        (timedelta(seconds=15), "c0 c1 l0 c2 l1 c3 l2 l3"),
        (timedelta(0), "c0 l0 c1 l1 c2 l2 c3 l3"),
        (None, "c0 l0 c1 c2 l2 c3 l1 l3"),
    ],
)
@pytest.mark.parametrize("paced", [True, False])
def test_a_label_follows_after_so_many_contacts_after_so_long_or_when_the_source_says(
    delay: int | timedelta | None, expected: str, paced: bool
) -> None:
    world = World()
    labelled = [None, 1_000.0, 20.0, 2_000.0]
    steps = [step(n, n * 10.0, labelled=labelled[n]) for n in range(4)]
    world.play(steps, world.pacer(speed=1.0 if paced else None), delay)
    assert " ".join(f"{what[0]}{position}" for what, position, _ in world.sent) == expected


def test_labels_that_wait_at_the_end_come_in_their_time_or_at_once_where_no_contact_follows() -> None:
    timed, counted = World(), World()
    timed.play([step(0), step(1)], timed.pacer(rate=1.0), timedelta(minutes=1))
    counted.play([step(0), step(1)], counted.pacer(rate=1.0), 60)
    assert timed.seconds("label") == pytest.approx([60, 61])
    assert counted.seconds("label") == pytest.approx([1, 1])


def test_malformed_contacts_are_sent_in_their_place_and_have_no_label() -> None:
    world = World()
    steps = [step(0), Step(NO_TIME, "s", 1, b"{", None, None), step(2)]
    played = world.play(steps, world.pacer())
    assert [(what, position) for what, position, _ in world.sent if what == "contact"] == [
        ("contact", 0), ("contact", 1), ("contact", 2),
    ]  # fmt: skip
    assert (played.contacts, played.labels, played.malformed) == (3, 2, 1)


def test_the_rate_that_was_held_is_told_from_the_first_contact_to_the_last() -> None:
    world = World()
    world.now += timedelta(seconds=3)
    assert world.play([step(n) for n in range(21)], world.pacer(rate=4.0)).rate == pytest.approx(4.0, rel=1e-3)
    assert World().play([], world.pacer()).rate == 0.0


@given(
    cut=st.integers(0, 40),
    delay=st.sampled_from([0, 3, 100, timedelta(seconds=2), timedelta(seconds=90), None]),
    pace=st.sampled_from([(None, None), (2.0, None), (None, 3.0)]),
    lost=st.sets(st.integers(0, 39), max_size=6),
)
def test_a_replay_that_was_cut_anywhere_sends_the_rest_in_the_same_order(
    cut: int,
    delay: int | timedelta | None,
    pace: tuple[float | None, float | None],
    lost: set[int],
) -> None:
    """``lost``: what was on its way to another partition, and did not arrive although later ones did."""
    labelled = np.random.default_rng(0).permutation(20) * 7.0
    steps = [step(n, n * 2.0, labelled=float(labelled[n])) for n in range(20)]

    def run(world: World) -> Played:
        return world.play(steps, world.pacer(*pace), delay)

    whole, first, second = World(), World(), World()
    run(whole)
    first.stop_after = cut or 1
    run(first)
    second.there = {(what, position) for n, (what, position, _) in enumerate(first.sent) if n not in lost}
    played = run(second)
    order = [(what, position) for what, position, _ in whole.sent]
    assert len(order) == 40
    assert [(what, position) for what, position, _ in second.sent] == [o for o in order if o not in second.there]
    assert played.contacts + played.skipped == 20


def test_time_goes_on_where_it_stood_when_a_replay_is_resumed() -> None:
    world = World()
    world.there = {("contact", n) for n in range(3)}
    world.play([step(n, n * 60.0) for n in range(5)], world.pacer(speed=1.0), timedelta(seconds=150))
    assert world.seconds("contact") == pytest.approx([30, 90])  # after the label of the first, 150 s after it
    assert world.seconds("label") == pytest.approx([0, 60, 120, 180, 240])


def test_a_replay_is_known_by_its_content_wherever_it_stands_and_goes_on_with_its_newest_run() -> None:
    runs = [replay_id("a", "/x", "01"), replay_id("a", "/y", "03"), replay_id("a", "/x", "02"), "demo"]
    assert latest_run(replay_id("a", "/z", "09"), runs) == runs[1]
    assert latest_run(replay_id("b", "/z", "09"), runs) is None
    with pytest.raises(ValueError, match="has changed since it was replayed"):
        latest_run(replay_id("b", "/x", "09"), runs)
