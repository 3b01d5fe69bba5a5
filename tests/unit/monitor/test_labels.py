"""The join of contacts and labels."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import Label, LabelBatch, Pane, decode, encode
from monitor.alerts import microseconds
from monitor.labels import PATIENCE, LabelJoin, batch_of, contact_key

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def pane(ids: list[str], first: int = 0, version: str = "1", at: datetime = START, partition: int = 0) -> Pane:
    """A complete pane of these contacts, a minute apart."""
    times = [at + MINUTE * place for place in range(len(ids))]
    return Pane(
        partition=partition, pane=first, model_version=version, complete=True, contacts=len(ids),
        offsets=list(range(first, first + len(ids))), last_sent_at=times[-1], codes=b"",
        keys=b"".join(map(contact_key, ids)), scores=np.full(len(ids), 0.25, "<f4").tobytes(),
        times=np.array([microseconds(time) for time in times], "<i8").tobytes(),
    )  # fmt: skip


def labels(*given: tuple[str, int], first: int = 0, at: datetime = START + timedelta(hours=1)) -> LabelBatch:
    """A batch of labels of partition 0."""
    made = [Label(contact_id=name, engaged=engaged, labelled_at=at) for name, engaged in given]
    return batch_of(0, list(enumerate(made, first)))


def take(join: LabelJoin, *log: Pane | LabelBatch) -> list[tuple[int, int]]:
    """(offset, label) of everything joined."""
    found = []
    for event in log:
        if isinstance(event, LabelBatch):
            found += join.match(event)
        elif not join.knows(event):
            found += join.take(event, [()] * event.contacts)
    return [(one.contact.offset, one.contact.engaged) for one in found]


def test_labels_are_joined_with_their_contacts_whichever_comes_first() -> None:
    contacts, outcomes = pane(["a", "b", "c"]), labels(("b", 1), ("a", 0))
    assert take(LabelJoin(), contacts, outcomes) == [(1, 1), (0, 0)]
    join = LabelJoin()
    assert take(join, outcomes) == []
    assert join.waiting == 2
    assert take(join, contacts) == [(0, 0), (1, 1)]
    assert join.waiting == 0


@given(st.lists(st.integers(1, 8), max_size=6))
def test_labels_that_come_again_after_a_crash_are_taken_once(ends: list[int]) -> None:
    ids = [chr(97 + place) for place in range(8)]
    outcomes = [(name, place % 2) for place, name in enumerate(ids)]
    join = LabelJoin()
    log: list[Pane | LabelBatch] = [pane(ids), *(labels(*outcomes[:end]) for end in ends), labels(*outcomes)]
    assert take(join, *log) == [(place, place % 2) for place in range(8)]
    assert join.counts["repeated"] == 0


def test_panes_that_come_again_are_taken_once_and_partial_ones_never() -> None:
    join = LabelJoin()
    partial = msgspec.structs.replace(pane(["a"]), complete=False)
    assert take(join, partial, labels(("a", 1))) == []
    assert take(join, pane(["a"]), pane(["a"])) == [(0, 1)]
    assert (join.entered, join.counts["rescored"]) == (1, 0)


def test_the_first_label_counts_and_later_ones_are_counted() -> None:
    join = LabelJoin()
    early = labels(("a", 1), ("a", 0), ("a", 1))
    assert take(join, early, pane(["a", "b"])) == [(0, 1)]
    assert take(join, labels(("b", 0), ("b", 0), ("b", 1), ("a", 0), first=3)) == [(1, 0)]
    assert join.counts["repeated"] == 2
    assert join.counts["changed"] == 3


def test_a_label_of_a_contact_that_never_comes_is_told_as_unknown_after_a_while() -> None:
    join = LabelJoin()
    take(join, labels(("nobody", 1)))
    assert (join.waiting, join.unknown) == (1, 0)
    take(join, pane([str(n) for n in range(PATIENCE - 1)]), labels(("later", 0), first=1))
    assert (join.waiting, join.unknown) == (2, 0)
    take(join, pane(["one more"], first=PATIENCE))
    assert (join.waiting, join.unknown) == (1, 1)
    assert take(join, pane(["nobody"], first=PATIENCE + 1)) == [(PATIENCE + 1, 1)]
    assert (join.waiting, join.unknown) == (1, 0)


def test_a_label_dated_before_its_contact_is_joined_and_counted() -> None:
    join = LabelJoin()
    assert take(join, pane(["a"]), labels(("a", 1), at=START - MINUTE)) == [(0, 1)]
    assert join.counts["early"] == 1


def test_a_contact_that_comes_again_is_taken_as_it_was_scored_last_unless_it_has_its_label() -> None:
    join = LabelJoin()
    assert take(join, pane(["a"]), pane(["a"], first=5), labels(("a", 1))) == [(5, 1)]
    assert take(join, pane(["a"], first=9), labels(("a", 1), first=1)) == []
    assert (join.counts["rescored"], join.counts["repeated"]) == (2, 1)


def test_memory_is_bounded_the_newest_are_kept_and_the_others_are_counted() -> None:
    join = LabelJoin(capacity=3)
    assert take(join, labels(*((str(n), 1) for n in range(5)))) == []
    assert (join.waiting, join.unknown) == (3, 2)
    assert take(join, pane([str(n) for n in range(5)])) == [(2, 1), (3, 1), (4, 1)]
    assert join.counts["dropped_labels"] == 2
    assert join.counts["dropped_contacts"] == 2
    assert take(join, labels(("0", 1), first=9)) == []


def test_a_contact_is_given_up_after_28_days() -> None:
    join = LabelJoin()
    take(join, pane(["a"]), pane(["b"], first=1, at=START + timedelta(days=27)))
    assert join.counts["dropped_contacts"] == 0
    take(join, pane(["c"], first=2, at=START + timedelta(days=29)))
    assert join.counts["dropped_contacts"] == 1
    assert take(join, labels(("a", 1), ("b", 1))) == [(1, 1)]


def test_a_late_pane_of_a_replaced_model_belongs_to_no_reign() -> None:
    join = LabelJoin()
    take(join, pane(["a"]), pane(["b"], first=1, version="2", at=START + MINUTE))
    take(join, pane(["c"], version="1", partition=1))
    assert join.version == "2"
    joined = join.match(labels(("a", 1), ("b", 1), ("c", 1)))
    assert [one.contact.reign == join.reign for one in joined] == [False, True, False]


def test_panes_of_an_earlier_version_of_driftline_are_counted_and_joined_with_nothing() -> None:
    old = Pane(
        partition=0, pane=0, model_version="1", complete=True, contacts=2, offsets=[0, 1], last_sent_at=START, codes=b""
    )  # fmt: skip
    join = LabelJoin()
    assert take(join, decode(Pane, encode(old)), labels(("a", 1))) == []
    assert join.entered == 2


@pytest.mark.parametrize("field", ["keys", "engaged", "labelled_at"])
def test_a_batch_whose_parts_do_not_fit_is_refused(field: str) -> None:
    batch = labels(("a", 1), ("b", 0))
    parts = {name: getattr(batch, name) for name in LabelBatch.__struct_fields__}
    with pytest.raises(ValueError, match="2 labels"):
        LabelBatch(**parts | {field: parts[field][:1]})
    whole = encode(batch)
    assert decode(LabelBatch, whole) == batch
    with pytest.raises(ValueError, match="3 labels"):
        decode(LabelBatch, whole.replace(b'"offsets":[0,1]', b'"offsets":[0,1,2]'))


def test_a_key_says_nothing_of_the_contact_it_names() -> None:
    assert len(contact_key("someone@example.org")) == 8
    assert contact_key("a") != contact_key("b")
