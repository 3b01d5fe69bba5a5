"""A bundle's bytes: what comes back is what went in, and nothing else comes in."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from driftline.events import Contact
from model import bundle as bundles
from model.bundle import FEATURISER, GRAPH, MANIFEST, REFERENCE, Bundle
from tests.scoring_workers import first_champion

Contacts = list[tuple[Contact, int]]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def data(calm_contacts: Contacts) -> bytes:
    return first_champion(calm_contacts).to_bytes()


def altered(data: bytes, change: Callable[[Document], object], *, signed: bool = False) -> bytes:
    """A message whose files were changed; ``signed``: and their checksums with them.

    Args:
        change: changes the files, the JSON ones as documents.
    """
    message = json.loads(zlib.decompress(data))
    raw = {name: base64.b64decode(part) for name, part in message["files"].items()}
    files: Document = {name: part if name == GRAPH else json.loads(part) for name, part in raw.items()}
    change(files)
    raw = {name: part if name == GRAPH else _json(part) for name, part in files.items()}
    if signed:
        files[MANIFEST]["sha256"] = {name: _sha256(part) for name, part in raw.items() if name != MANIFEST}
        raw[MANIFEST] = _json(files[MANIFEST])
        message["sha256"] = _sha256(raw[MANIFEST])
    message["files"] = {name: base64.b64encode(part).decode() for name, part in raw.items()}
    return zlib.compress(_json(message))


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_bytes_that_were_written_again_are_the_same_bundle(data: bytes) -> None:
    for again in (altered(data, lambda _: None), altered(data, lambda _: None, signed=True)):
        assert Bundle.from_bytes(again).to_bytes() == data


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.update({GRAPH: files[GRAPH][:-1]}),
        lambda files: files[FEATURISER]["medians"].clear(),
        lambda files: files[REFERENCE]["engaged"].reverse(),
        lambda files: files[MANIFEST].update(cut=0.1),
        lambda files: files[MANIFEST].pop("sha256"),
    ],
)
def test_a_bundle_that_was_altered_is_refused(data: bytes, change: Callable[[Document], object]) -> None:
    with pytest.raises(ValueError, match="checksum"):
        Bundle.from_bytes(altered(data, change))


@pytest.mark.parametrize("name", [GRAPH, FEATURISER, REFERENCE, MANIFEST])
def test_a_bundle_that_lacks_a_part_is_refused(data: bytes, name: str) -> None:
    with pytest.raises(ValueError, match="bundle"):
        Bundle.from_bytes(altered(data, lambda files: files.pop(name)))


FIELDS = [
    (FEATURISER, "features"),
    (REFERENCE, "rows"),
    (REFERENCE, "inputs"),
    (REFERENCE, "engaged"),
    (MANIFEST, "format"),
    (MANIFEST, "created_at"),
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, 7, "?", []])
def test_a_bundle_of_somebody_elses_making_is_refused_and_raises_nothing_but_that(
    data: bytes, field: tuple[str, str], value: Any
) -> None:
    name, key = field
    with pytest.raises(ValueError):  # noqa: PT011  (whichever field is read first says what it lacks)
        Bundle.from_bytes(altered(data, lambda files: files[name].update({key: value}), signed=True))


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
