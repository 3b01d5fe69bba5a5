"""A bundle's bytes: what comes back is what went in, and nothing else comes in."""

import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from driftline.events import Contact
from model import bundle as bundles
from model.bundle import Bundle
from tests.scoring_workers import first_champion

Contacts = list[tuple[Contact, int]]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def data(calm_contacts: Contacts) -> bytes:
    return first_champion(calm_contacts).to_bytes()


def altered(data: bytes, change: Callable[[Document], object], *, signed: bool = False) -> bytes:
    document = json.loads(zlib.decompress(data))
    change(document)
    if signed:
        del document["sha256"]
        document["sha256"] = hashlib.sha256(json.dumps(document).encode()).hexdigest()
    return zlib.compress(json.dumps(document).encode())


def test_bytes_that_were_written_again_are_the_same_bundle(data: bytes) -> None:
    assert Bundle.from_bytes(altered(data, lambda _: None)).to_bytes() == data


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(version="2"),
        lambda document: document.update(onnx=document["onnx"][:-4]),
        lambda document: document["featuriser"].clear(),
        lambda document: document["engaged"].reverse(),
        lambda document: document.pop("sha256"),
    ],
)
def test_a_bundle_that_was_altered_is_refused(data: bytes, change: Callable[[Document], object]) -> None:
    with pytest.raises(ValueError, match="checksum"):
        Bundle.from_bytes(altered(data, change))


@pytest.mark.parametrize("field", ["featuriser", "onnx", "reference", "inputs", "engaged", "created_at"])
@pytest.mark.parametrize("value", [None, 7, "?", [], {}])
def test_a_bundle_of_somebody_elses_making_is_refused_and_raises_nothing_but_that(
    data: bytes, field: str, value: Any
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (whichever field is read first says what it lacks)
        Bundle.from_bytes(altered(data, lambda document: document.update({field: value}), signed=True))


def test_every_byte_flipped_or_lost_is_noticed(data: bytes) -> None:
    for place in range(0, len(data), len(data) // 50):
        flipped = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        for damaged in (flipped, data[:place]):
            with pytest.raises(ValueError, match="model bundle"):
                Bundle.from_bytes(damaged)


def test_what_would_fill_the_memory_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "LARGEST", 1_000_000)
    with pytest.raises(ValueError, match="too large"):
        Bundle.from_bytes(zlib.compress(b"[" + b" " * 2_000_000))


@pytest.mark.parametrize("text", ["[]", "null", '"a text"', "{}"])
def test_json_of_another_kind_is_no_bundle(text: str) -> None:
    with pytest.raises(ValueError, match="model bundle"):
        Bundle.from_bytes(zlib.compress(text.encode()))
