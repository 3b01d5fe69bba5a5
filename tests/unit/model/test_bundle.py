"""A bundle as files and as bytes: what comes back is what went in, and nothing else comes in."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from consumers.kafka_scoring import scoring_model
from driftline.events import Contact
from model import bundle as bundles
from model.bundle import MANIFEST, Bundle
from model.retrain import Made

Contacts = list[tuple[Contact, int]]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def bundle(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture(scope="module")
def data(bundle: Bundle) -> bytes:
    return bundle.to_bytes()


def altered(data: bytes, change: Callable[[Document], object], *, signed: bool = False) -> bytes:
    """The message with its parsed parts changed; ``signed``: by somebody who makes the checksums fit."""
    document = json.loads(zlib.decompress(data))
    files = {name: base64.b64decode(part) for name, part in document["files"].items()}
    parsed = {name: json.loads(part) for name, part in files.items() if name.endswith(".json")}
    change(document | {name.split(".")[0]: part for name, part in parsed.items()})
    files |= {name: json.dumps(part, ensure_ascii=False).encode() for name, part in parsed.items()}
    if signed:
        sums = {name: hashlib.sha256(part).hexdigest() for name, part in files.items() if name != MANIFEST}
        files[MANIFEST] = json.dumps(parsed[MANIFEST] | {"sha256": sums}).encode()
        document["sha256"] = hashlib.sha256(document["version"].encode() + b"/" + files[MANIFEST]).hexdigest()
    document["files"] = {name: base64.b64encode(part).decode() for name, part in files.items()}
    return zlib.compress(json.dumps(document).encode())


def test_what_comes_back_is_what_went_in(bundle: Bundle, data: bytes) -> None:
    again = Bundle.from_bytes(data)
    assert (again.version, again.files()) == ("1", bundle.files())
    assert again.reference_id == bundle.reference_id
    np.testing.assert_array_equal(again.reference, bundle.reference)
    assert (again.inputs, again.engaged, again.cut) == (bundle.inputs, bundle.engaged, bundle.cut)
    assert Bundle.from_files(bundle.files(), "1").to_bytes() == data
    assert len(data) < 300_000


def test_bytes_that_were_written_again_are_the_same_bundle(data: bytes) -> None:
    assert Bundle.from_bytes(altered(data, lambda _: None)).to_bytes() == data


def test_the_files_are_onnx_and_json(bundle: Bundle) -> None:
    files = bundle.files()
    assert sorted(files) == ["featuriser.json", "manifest.json", "model.onnx", "reference.json"]
    assert all(json.loads(part) for name, part in files.items() if name.endswith(".json"))


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts["featuriser"].clear(),
        lambda parts: parts["reference"]["engaged"].reverse(),
        lambda parts: parts["manifest"].update(cut=0.0),
        lambda parts: parts["manifest"]["sha256"].pop("model.onnx"),
    ],
)
def test_a_bundle_that_was_altered_is_refused(data: bytes, change: Callable[[Document], object]) -> None:
    with pytest.raises(ValueError, match="checksum"):
        Bundle.from_bytes(altered(data, change))


def test_a_bundle_under_another_version_is_refused(data: bytes) -> None:
    document = json.loads(zlib.decompress(data)) | {"version": "2"}
    with pytest.raises(ValueError, match="checksum"):
        Bundle.from_bytes(zlib.compress(json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("part", "field"),
    [
        *[("featuriser", field) for field in ("feature_set", "features", "medians", "ranges", "rates")],
        *[("reference", field) for field in ("rows", "inputs", "engaged")],
        *[("manifest", field) for field in ("format", "trained_on", "created_at", "cut")],
    ],
)
@pytest.mark.parametrize("value", [None, 7.5, "?", [], {}])
def test_a_bundle_of_somebody_elses_making_is_refused_and_raises_nothing_but_that(
    data: bytes, part: str, field: str, value: Any
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (whichever field is read first says what it lacks)
        scoring_model(Bundle.from_bytes(altered(data, lambda parts: parts[part].update({field: value}), signed=True)))


def test_a_file_of_a_bundle_that_is_missing_is_told(bundle: Bundle) -> None:
    for name in bundle.files():
        rest = {other: part for other, part in bundle.files().items() if other != name}
        with pytest.raises(ValueError, match="model bundle"):
            Bundle.from_files(rest)


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
