"""Who trains and who judges."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import Contact
from model.split import Labelled, Split, ids, is_held_out, over_time, split

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
labelled = st.lists(
    st.tuples(
        st.builds(
            Contact, id=st.integers(0, 60).map(str), sent_at=st.integers(0, 99).map(lambda n: WHEN + timedelta(hours=n))
        ),
        st.integers(0, 1),
    ),
    max_size=40,
)


def test_seventy_percent_of_newcomers_are_held_out_for_good() -> None:
    share = np.mean([is_held_out(f"contact {n}") for n in range(20_000)])
    assert share == pytest.approx(0.7, abs=0.02)


@given(base=labelled, first=labelled, second=labelled)
def test_over_any_number_of_retrainings_nobody_who_judged_is_ever_trained_on(
    base: Sequence[Labelled], first: Sequence[Labelled], second: Sequence[Labelled]
) -> None:
    judges: set[str] = set()
    trained: set[str] = set()
    for newcomers in ([], first, second, [*first, *second]):
        sides = split(base, newcomers)
        judges |= ids([*sides.base_held_out, *sides.newcomers_held_out])
        trained |= ids(sides.training)
        everyone = ids([*base, *newcomers])
        assert ids(sides.training) | ids([*sides.base_held_out, *sides.newcomers_held_out]) == everyone
    assert not judges & trained


@given(base=labelled, newcomers=labelled)
def test_everyone_counts_once_as_they_came_last_in_the_order_of_time(
    base: Sequence[Labelled], newcomers: Sequence[Labelled]
) -> None:
    sides = split(base, newcomers)
    last = {contact.id: engaged for contact, engaged in newcomers} | {contact.id: engaged for contact, engaged in base}
    found = [*sides.training, *sides.base_held_out, *sides.newcomers_held_out]
    assert {contact.id: engaged for contact, engaged in found} == last
    assert len(found) == len(last)
    for side in (sides.base, sides.base_held_out, sides.newcomers, sides.newcomers_held_out):
        assert [contact.sent_at for contact, _ in side] == sorted(contact.sent_at for contact, _ in side)


def test_a_contact_on_both_sides_stops_everything() -> None:
    contact = Contact(id="a", sent_at=WHEN)
    with pytest.raises(AssertionError, match="both train and judge"):
        Split([(contact, 1)], [], [], [(contact, 1)])


@given(everyone=labelled)
def test_what_judges_over_time_came_after_what_trains(everyone: Sequence[Labelled]) -> None:
    sides = split(everyone)
    earlier, later = over_time(sides.training, everyone)
    assert not ids(earlier) & ids(later)
    assert ids(earlier) <= ids(sides.training)
    if earlier and later:
        assert max(contact.sent_at for contact, _ in earlier) <= min(contact.sent_at for contact, _ in later)
