"""Panes depend on the log alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import MonitoredColumns, Pane, Prediction
from monitor.panes import PaneBuilder

START = datetime(2026, 1, 1, tzinfo=UTC)
SIZE = 5


def encode(version: str, contacts: list[Prediction]) -> bytes:
    return version.encode() + b":" + np.array([one.features for one in contacts], np.uint16).tobytes()


def scored(offset: int, version: str = "1") -> Prediction:
    return Prediction(
        contact_id=str(offset), source_offset=offset, model_version=version, score=0.5, features=[float(offset)],
        columns=MonitoredColumns(), sent_at=START + timedelta(seconds=offset),
    )  # fmt: skip


def panes_of(log: list[Prediction], take: int) -> tuple[list[Pane], list[int]]:
    """Panes and acknowledged places in the log, when the log is read ``take`` records at a time."""
    builder: PaneBuilder[int] = PaneBuilder(SIZE)
    panes, acknowledged = [], []
    for begin in range(0, len(log), take):
        for place in range(begin, min(len(log), begin + take)):
            builder.add(0, log[place], place)
        for done in builder.finished(encode):
            panes += done.panes
            acknowledged += done.handles
    return panes, acknowledged


@given(st.sets(st.integers(0, 60)), st.integers(1, 20))
def test_panes_do_not_depend_on_how_the_log_is_read(holes: set[int], take: int) -> None:
    log = [scored(offset) for offset in range(61) if offset not in holes]
    assert panes_of(log, take)[0] == panes_of(log, 1)[0]


@given(st.integers(0, 40), st.integers(1, 20), st.integers(1, 9))
def test_what_is_sent_twice_is_counted_once(from_offset: int, again: int, take: int) -> None:
    log = [scored(o) for o in range(from_offset + again)]
    log += [scored(o) for o in range(from_offset, 50)]
    panes, acknowledged = panes_of(log, take)
    offsets = [offset for pane in panes for offset in pane.offsets]
    assert offsets == list(range(max(50, from_offset + again) // SIZE * SIZE))
    assert len(acknowledged) == len(set(acknowledged))


def test_a_dead_letter_leaves_a_hole_that_does_not_hold_up_the_pane() -> None:
    panes, _ = panes_of([scored(o) for o in (0, 1, 3, 4, 5)], 1)
    assert [(pane.pane, pane.offsets) for pane in panes] == [(0, [0, 1, 3, 4])]


def test_two_versions_in_one_pane_become_two_events() -> None:
    panes, _ = panes_of([scored(o, "1" if o < 2 else "2") for o in range(5)], 1)
    assert [(pane.model_version, pane.offsets) for pane in panes] == [("1", [0, 1]), ("2", [2, 3, 4])]
    assert all(pane.complete for pane in panes)


def test_nothing_of_an_unfinished_pane_is_acknowledged() -> None:
    _, acknowledged = panes_of([scored(o) for o in range(9)], 3)
    assert sorted(acknowledged) == [0, 1, 2, 3, 4]


def test_a_quiet_partition_shows_its_partial_pane_and_keeps_it() -> None:
    builder: PaneBuilder[int] = PaneBuilder(SIZE)
    for offset in range(3):
        builder.add(0, scored(offset), offset)
    (partial,) = builder.partial(0, encode)
    assert (partial.contacts, partial.complete) == (3, False)
    for offset in range(3, 5):
        builder.add(0, scored(offset), offset)
    (done,) = builder.finished(encode)
    assert done.panes[0].contacts == 5
