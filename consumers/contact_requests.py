"""The bodies of the HTTP API: requests in, answers out. Pure: bytes go in, contacts or a reason come out.

A contact is decoded by the very rules of the contacts topic (`driftline.events.Contact`): whatever the API takes the
scorer takes, and whatever it refuses would have become a dead letter. Only the id and the time of sending, which the
API can give itself, may be absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from driftline.events import UNREADABLE, Contact, Id, Prediction, Share, Timestamp, without_values
from driftline.verdict import confidence, label

MOST_CONTACTS = 10_000
"""In one request."""

Location = list[str | int]


class RefusedError(ValueError):
    """A request that is not taken: nothing of it is scored or enters the stream.

    Args:
        status: of the HTTP answer.
        reason: what is wrong and, where it helps, what to do; never a value of the request (contacts are people).
        where: the place in the body, such as ``["contacts", 3, "llm_quality"]``.
        kind: what FastAPI calls the type of the fault.
    """

    def __init__(self, status: int, reason: str, where: Sequence[str | int] | None = None, kind: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.where = where
        self.kind = kind

    @property
    def detail(self) -> str | list[dict[str, Any]]:
        """As FastAPI answers: a list with the place where there is one, else the reason."""
        if self.where is None:
            return str(self)
        return [{"loc": ["body", *self.where], "msg": str(self), "type": self.kind}]


class GivenContact(Contact, frozen=True, kw_only=True, gc=False):
    """A contact as the API takes it. What a client leaves out is told by values that it cannot give."""

    id: Id = ""
    sent_at: Timestamp = datetime.min  # noqa: DTZ901  (naive, as no given time is)


class GivenBatch(msgspec.Struct, frozen=True):
    """The body of ``POST /predict/batch``."""

    contacts: Annotated[list[GivenContact], Meta(min_length=1)]


class Scored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one contact."""

    contact_id: str
    score: Share
    label: Literal["engaged", "not_engaged"]
    confidence: Literal["low", "medium", "high"]
    model_version: str
    inference_ms: Annotated[float, Meta(ge=0, description="of featuriser and model; in a batch, of its contacts each")]


class ScoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a batch, in its order, all by one version of the model."""

    predictions: list[Scored]
    count: Annotated[int, Meta(ge=1, le=MOST_CONTACTS)]
    engaged: Annotated[int, Meta(ge=0)]
    mean_score: Share
    model_version: str
    inference_ms: Annotated[float, Meta(ge=0, description="of featuriser and model, for all contacts together")]


_one, _batch = msgspec.json.Decoder(GivenContact), msgspec.json.Decoder(GivenBatch)
_PLACE = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]")
_LACKING = re.compile(r"missing required field `(?P<name>\w+)`")


def read_contact(body: bytes) -> list[GivenContact]:
    """The contact of a ``/predict`` body.

    Raises:
        RefusedError: 422, with the field.
    """
    return [_decoded(_one, body)]


def read_batch(body: bytes) -> list[GivenContact]:
    """The contacts of a ``/predict/batch`` body.

    Raises:
        RefusedError: 422 with the contact and its field, 413 for more than 10,000.
    """
    contacts: list[GivenContact] = _decoded(_batch, body).contacts
    if len(contacts) > MOST_CONTACTS:
        reason = f"{len(contacts):,} contacts; at most {MOST_CONTACTS:,} a request: send them in pages"
        raise RefusedError(413, reason, ["contacts"], "too_long")
    return contacts


def completed(contacts: Sequence[GivenContact], ids: Iterable[str], now: datetime) -> list[GivenContact]:
    """The contacts as they enter the stream: each with an id and the time of sending.

    Args:
        ids: one a contact, for those that came without.
    """
    return [
        one if one.id and one.sent_at.tzinfo else replace(one, id=one.id or given, sent_at=_aware(one.sent_at, now))
        for one, given in zip(contacts, ids, strict=True)
    ]


def scored(prediction: Prediction, inference_ms: float) -> Scored:
    """A prediction as the API answers it."""
    return Scored(
        contact_id=prediction.contact_id,
        score=prediction.score,
        label=label(prediction.score),
        confidence=confidence(prediction.score),
        model_version=prediction.model_version,
        inference_ms=inference_ms,
    )


def scored_batch(predictions: Sequence[Scored], inference_ms: float) -> ScoredBatch:
    """The answer to a batch of at least one."""
    count = len(predictions)
    return ScoredBatch(
        predictions=list(predictions),
        count=count,
        engaged=sum(one.label == "engaged" for one in predictions),
        mean_score=min(1.0, sum(one.score for one in predictions) / count),
        model_version=predictions[0].model_version,
        inference_ms=inference_ms,
    )


def _aware(given: datetime, now: datetime) -> datetime:
    return given if given.tzinfo else now


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except UNREADABLE as fault:
        raise _refused(without_values(fault)) from None


def _refused(reason: str) -> RefusedError:
    """Where and what, of a reason such as "Expected `float | null`, got `str` - at `$.contacts[3].llm_quality`"."""
    if reason.startswith("not "):
        return RefusedError(422, reason, [], "json_invalid")
    place = _PLACE.search(reason)
    steps = _STEP.finditer(place["path"]) if place else ()
    where: Location = [step["name"] or int(step["index"]) for step in steps]
    text = _PLACE.sub("", reason)
    if lacking := _LACKING.search(text):
        return RefusedError(422, text, [*where, lacking["name"]], "missing")
    return RefusedError(422, text[0].upper() + text[1:], where, "value_error")
