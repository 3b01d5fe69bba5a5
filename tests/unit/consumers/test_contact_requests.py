"""The bodies of the HTTP API: taken and refused as the contacts topic takes and refuses, with the place of a fault."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.contact_requests import (
    MOST_CONTACTS,
    RefusedError,
    completed,
    read_batch,
    read_contact,
    scored_batch,
)
from consumers.contact_requests import Scored as ScoredContact
from driftline.events import INPUTS, Contact, decode, encode
from driftline.verdict import confidence

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMED = {"id": "a", "sent_at": "2026-01-01T00:00:00Z"}

texts = st.text(max_size=20) | st.sampled_from(["Senior", "51-200", "", "10-Feb", "2026-02-30T00:00:00Z"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 105)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
contacts = st.dictionaries(
    st.sampled_from([*INPUTS, "id", "sent_at", "occurred_at", "schema", "engaged"]) | texts, values, max_size=6
)


def refused(read: Callable[[bytes], object], body: bytes) -> RefusedError | None:
    try:
        read(body)
    except RefusedError as fault:
        return fault
    return None


def where(body: bytes, *, batch: bool = True) -> tuple[int, object]:
    fault = refused(read_batch if batch else read_contact, body)
    assert fault is not None
    return fault.status, fault.where


@given(contacts)
def test_what_the_topic_takes_the_api_takes_and_the_same_contact_comes_of_it(document: dict[str, object]) -> None:
    told = TIMED | document
    body = msgspec.json.encode(told)
    try:
        on_topic = decode(Contact, body)
    except ValueError:
        assert refused(read_contact, body) is not None
    else:
        (by_http,) = completed(read_contact(body), ["other"], NOW)
        assert encode(by_http) == encode(on_topic)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_contact_or_a_fault_with_its_reason(body: bytes) -> None:
    for read in (read_contact, read_batch):
        fault = refused(read, body)
        assert fault is None or (fault.status == 422 and isinstance(fault.detail, list) and fault.detail[0]["msg"])


@given(st.lists(contacts, min_size=1, max_size=4))
def test_a_batch_is_taken_where_each_of_its_contacts_is(documents: list[dict[str, object]]) -> None:
    each = [refused(read_contact, msgspec.json.encode(one)) is not None for one in documents]
    whole = refused(read_batch, msgspec.json.encode({"contacts": documents}))
    assert (whole is not None) == any(each)


def test_a_contact_without_id_and_time_gets_them_and_one_with_them_keeps_them() -> None:
    bare, full = completed(
        read_batch(msgspec.json.encode({"contacts": [{}, TIMED | {"sent_at": "2020-02-02T02:02:02Z"}]})), "xy", NOW
    )
    assert (bare.id, bare.sent_at) == ("x", NOW)
    assert (full.id, full.sent_at.year) == ("a", 2020)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", []),
        (b"{", []),
        (b"[]", []),
        (b"{}", ["contacts"]),
        (b'{"contacts": []}', ["contacts"]),
        (b'{"contacts": {}}', ["contacts"]),
        (b'{"contacts": [{}, 3]}', ["contacts", 1]),
        (b'{"contacts": [{}, {"llm_quality": 101}]}', ["contacts", 1, "llm_quality"]),
        (b'{"contacts": [{"jobtitle": 1}]}', ["contacts", 0, "jobtitle"]),
        (b'{"contacts": [{"id": null}]}', ["contacts", 0, "id"]),
        (b'{"contacts": [{"id": ""}]}', ["contacts", 0, "id"]),
        (b'{"contacts": [{"sent_at": "2026-01-01T00:00:00"}]}', ["contacts", 0, "sent_at"]),
        (b'{"contacts": [{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}", []),
        (b'{"contacts": [{"jobtitle": "\xff"}]}', []),
        (b'{"contacts": [{"jobtitle": "\\ud800"}]}', []),
        (b'{"contacts": [{"llm_quality": NaN}]}', []),
        (b'{"contacts": [{"llm_quality": 1e999}]}', ["contacts", 0, "llm_quality"]),
    ],
    ids=lambda value: str(value)[:48],
)
def test_the_place_of_a_fault_is_named(body: bytes, place: list[object]) -> None:
    assert where(body) == (422, place)


def test_of_a_single_contact_the_field_is_named() -> None:
    assert where(b'{"llm_engagement": 2}', batch=False) == (422, ["llm_engagement"])


@pytest.mark.parametrize("field", [*INPUTS, "id", "sent_at", "occurred_at", "schema"])
def test_a_reason_holds_nothing_of_the_request(field: str) -> None:
    for value in ("Example Person " * 4_000, {"secret": 1}, ["Example Person"], 123_456_789, True):
        if (fault := refused(read_contact, msgspec.json.encode({field: value}))) is not None:
            assert fault.where == [field]
            assert not any(part in str(fault.detail) for part in ("Example", "secret", "123"))


def test_more_than_ten_thousand_are_too_many() -> None:
    assert len(read_batch(msgspec.json.encode({"contacts": [{}] * MOST_CONTACTS}))) == MOST_CONTACTS
    assert where(msgspec.json.encode({"contacts": [{}] * (MOST_CONTACTS + 1)})) == (413, ["contacts"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_the_figures_of_a_batch_are_those_of_its_contacts(scores: list[float]) -> None:
    answers = [
        ScoredContact(
            contact_id=str(n),
            score=score,
            label="engaged" if score >= 0.5 else "not_engaged",
            confidence=confidence(score),
            model_version="1",
            inference_ms=0.1,
        )
        for n, score in enumerate(scores)
    ]
    batch = scored_batch(answers, 1.0)
    assert (batch.count, batch.engaged) == (len(scores), sum(score >= 0.5 for score in scores))
    assert 0 <= batch.mean_score <= 1
    assert batch.mean_score == pytest.approx(sum(scores) / len(scores))
