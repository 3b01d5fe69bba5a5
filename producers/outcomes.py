"""What a row says of times and of the outcome: when the contact came, whether it engaged, and since when that is known.

A value that is not as an export writes it is read if it can be, left out if not, and told as repaired either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

Row = Mapping[str, str]
"""A row's values, stripped, by the names of their columns as `producers.lemlist` spells them."""
Repairs = list[str]
"""Takes the kind of every value that was not as it should be."""

OCCURRED = ("occurred_at", "firstcontacteddate", "firstleadlauncheddate", "lastcontacteddate", "lastcampaignstartdate")
"""When the contact happened: the first of these columns that has a time."""
ENGAGED = ("labelled_at", "lastreplieddate", "lastleadmarkedasinteresteddate")
"""When it was known that the person engaged: the earliest of these, or the file's own ``labelled_at``."""
NOT_ENGAGED = ("labelled_at", "lastcampaignenddate")
"""When it was known that the person did not: with the end of the last campaign."""
OUTCOME = ("engaged", "laststate", "status", *dict.fromkeys((*OCCURRED, *ENGAGED, *NOT_ENGAGED)))
"""All columns that are read here."""

_FLAGS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_WORDS = {
    "false": 0, "no": 0, "non": 0, "faux": 0, "0,0": 0, "true": 1, "yes": 1, "oui": 1, "vrai": 1, "1,0": 1,
}  # fmt: skip


def label_of(row: Row, repairs: Repairs | None = None) -> int | None:
    """1 where the person replied or showed interest, 0 where the campaign is done without, else None.

    A column ``engaged`` decides where it has a value.

    >>> label_of({"laststate": "linkedinReplied", "status": "inProgress"}), label_of({"engaged": "0"}), label_of({})
    (1, 0, None)
    """
    if stated := row.get("engaged"):
        if (flag := _FLAGS.get(stated)) is not None:
            return flag
        if repairs is not None:
            repairs.append("engaged")
        if (flag := _WORDS.get(stated.lower())) is not None:
            return flag
    if row.get("laststate", "").lower() in ("linkedinreplied", "linkedininterested"):
        return 1
    return 0 if row.get("status", "").lower() == "done" else None


def labelled_at(row: Row, engaged: int | None, repairs: Repairs) -> datetime | None:
    """Since when the outcome is known; None where there is none, or the row does not say."""
    if engaged is None:
        return None
    stated, *others = ENGAGED if engaged else NOT_ENGAGED
    if (found := _time(row, stated, repairs)) is not None:
        return found
    return min((time for name in others if (time := _time(row, name, repairs)) is not None), default=None)


def occurred_at(row: Row, repairs: Repairs) -> datetime | None:
    """When the contact happened; None where no column says."""
    for name in OCCURRED:
        if (found := _time(row, name, repairs)) is not None:
            return found
    return None


def _time(row: Row, name: str, repairs: Repairs) -> datetime | None:
    """The time of a column, in UTC if it has no offset; None, and told, where it is none of this age."""
    text = row.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        repairs.append("time")
        return None
    if not 1990 <= found.year <= 2200:
        repairs.append("time")
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
