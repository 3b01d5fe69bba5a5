"""The contracts: what is accepted, what is refused, and in which words."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import jsonschema
import msgspec
import pytest

from data.schemas import FOLDER, documents, json_schema
from driftline.events import INPUTS, MOST_REPEATED, Contact, DeadLetter, decode, encode
from driftline.topics import LARGEST_MESSAGE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_asyncapi_has_a_topics_configuration_as_its_kafka_binding_types_it() -> None:
    """AsyncAPI's own parser refuses the document otherwise."""
    for topic in json.loads(documents()["asyncapi.yaml"])["channels"].values():
        configuration = topic["bindings"]["kafka"]["topicConfiguration"]
        assert configuration.pop("cleanup.policy") in (["compact"], ["delete"])
        assert configuration
        assert all(isinstance(value, int) for value in configuration.values())


def test_a_contact_has_nineteen_optional_inputs() -> None:
    assert len(INPUTS) == 19
    assert decode(Contact, b'{"id": "a", "sent_at": "2026-01-01T00:00:00Z"}').llm_quality is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"id": "x", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b"[1]", "Expected `object`"),
        (b"{}", "missing required field `id`"),
        (b'{"id": "a", "sent_at": "2026-01-01T00:00:00"}', "sent_at"),
        (b'{"id": "a", "sent_at": "2026-01-01T00:00:00Z", "llm_quality": "Zoe"}', "llm_quality"),
        (b'{"id": "a", "sent_at": "2026-01-01T00:00:00Z", "llm_quality": 101}', "llm_quality"),
        (b'{"id": "a", "sent_at": "2026-01-01T00:00:00Z", "schema": "Zoe"}', "schema"),
    ],
)
def test_a_malformed_contact_is_refused_with_the_field_and_without_its_value(value: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as fault:
        decode(Contact, value)
    assert reason in str(fault.value)
    assert "Zoe" not in str(fault.value)


def test_unknown_fields_are_ignored_so_that_additions_break_nobody() -> None:
    value = b'{"id": "a", "sent_at": "2026-01-01T00:00:00Z", "added_later": 1}'
    assert decode(Contact, value).id == "a"


def test_a_dead_letter_keeps_the_original_bytes() -> None:
    letter = DeadLetter(reason="r", topic="t", partition=0, offset=1, key=None, value=b"\xff\x00{", failed_at=NOW)
    assert decode(DeadLetter, encode(letter)).value == b"\xff\x00{"


@dataclass
class Read:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_a_dead_letter_fits_onto_its_topic_however_large_its_input_was(more: int, *, kept: bool) -> None:
    key, value = b"k" * 100, b"x" * (MOST_REPEATED - 100 + more)
    letter = DeadLetter.of(Read("t", 1, 2, key, value), "r", NOW)
    assert len(encode(letter)) < LARGEST_MESSAGE - 64 * 1024  # what a broker adds to it
    assert (letter.key, letter.value) == ((key, value) if kept else (None, None))
    assert (letter.topic, letter.partition, letter.offset) == ("t", 1, 2)


def test_events_cannot_be_changed() -> None:
    contact = Contact(id="a", sent_at=NOW)
    with pytest.raises(AttributeError):
        contact.id = "b"  # type: ignore[misc]


def test_generated_schemas_are_those_on_disk() -> None:
    on_disk = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert on_disk == documents(), "run `make schemas`"


def test_an_encoded_event_satisfies_its_schema() -> None:
    event = json.loads(encode(Contact(id="a", sent_at=NOW, llm_quality=70.0, jobtitle="CEO")))
    jsonschema.validate(event, json_schema(Contact))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event | {"llm_quality": 101}, json_schema(Contact))


def test_every_schema_names_itself_in_its_events() -> None:
    for name, text in documents().items():
        if name.endswith(".schema.json"):
            assert "schema" in json.dumps(json.loads(text))
    assert msgspec.json.decode(encode(Contact(id="a", sent_at=NOW)))["schema"] == "driftline.contact/1"
