"""Labels by the stated rule, and times where the export has them."""

from datetime import UTC, datetime

import pytest

from producers.outcomes import Repairs, label_of, labelled_at, occurred_at

JANUARY = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"laststate": "linkedinInterested", "status": "interested"}, 1),
        ({"laststate": "linkedinReplied", "status": "done"}, 1),
        ({"laststate": "linkedinInviteDone", "status": "done"}, 0),
        ({"laststate": "manualNotInterested", "status": "notInterested"}, None),
        ({"laststate": "reviewed", "status": "reviewed"}, None),
        ({"engaged": "0", "laststate": "linkedinReplied"}, 0),
        ({"engaged": "1.0"}, 1),
        ({"engaged": "", "status": "done"}, 0),
        ({}, None),
    ],
)
def test_labels(row: dict[str, str], label: int | None) -> None:
    repairs: Repairs = []
    assert label_of(row, repairs) == label
    assert repairs == []


@pytest.mark.parametrize(("text", "label"), [("true", 1), ("Non", 0), ("1,0", 1), ("perhaps", 0), ("2", 0)])
def test_a_label_in_other_words_is_read_or_left_to_the_rule_and_told(text: str, label: int) -> None:
    repairs: Repairs = []
    assert label_of({"engaged": text, "status": "done"}, repairs) == label
    assert repairs == ["engaged"]


@pytest.mark.parametrize(
    ("row", "engaged", "known_at"),
    [
        ({"lastreplieddate": "2026-01-05T00:00:00.000Z", "lastcampaignenddate": "2026-01-01"}, 1, JANUARY),
        ({"lastreplieddate": "2026-01-09", "lastleadmarkedasinteresteddate": "2026-01-05T02:00:00+02:00"}, 1, JANUARY),
        ({"lastreplieddate": "2026-01-01", "lastcampaignenddate": "2026-01-05 00:00:00"}, 0, JANUARY),
        ({"labelled_at": "2026-01-05", "lastreplieddate": "2026-01-01"}, 1, JANUARY),
        ({"lastcampaignenddate": "2026-01-05"}, 1, None),
        ({"lastreplieddate": "2026-01-05"}, 0, None),
        ({"lastreplieddate": "2026-01-05"}, None, None),
    ],
)
def test_an_outcome_is_known_since_the_reply_or_the_campaigns_end(
    row: dict[str, str], engaged: int | None, known_at: datetime | None
) -> None:
    repairs: Repairs = []
    assert labelled_at(row, engaged, repairs) == known_at
    assert repairs == []


@pytest.mark.parametrize("text", ["05/01/2026", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31", "1767571200000"])
def test_a_time_that_is_none_is_left_out_and_told(text: str) -> None:
    repairs: Repairs = []
    row = {"firstcontacteddate": text, "lastcontacteddate": "2026-01-05", "lastcampaignenddate": text}
    assert occurred_at(row, repairs) == JANUARY
    assert labelled_at(row, 0, repairs) is None
    assert repairs == ["time", "time"]
