"""A model version as it travels: graph, featuriser and reference window in one piece.

They belong together: a new model against the old reference would raise alerts that never clear. In the registry a
bundle is four files, ONNX and JSON; on the model-events topic it is one message. Either carries a checksum of each
part, and what does not fit its checksum, or was written by something else, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.events import Count, MonitoredColumns, Share
from model.featuriser import Featuriser

FORMAT = "driftline.bundle/3"
LARGEST = 256 * 1024 * 1024
"""Bytes that a part of a bundle may unpack to: some hundred times what the largest message can need."""
GRAPH, FEATURISER, REFERENCE, MANIFEST = "model.onnx", "featuriser.json", "reference.json", "manifest.json"


@dataclass(frozen=True, eq=False)
class Bundle:
    """One model version.

    Attributes:
        version: the registry's; empty before registration.
        onnx: the graph.
        reference: the reference window, float32 (rows, features + 1): the features and, last, the model's own score, of
            contacts that it was not trained on.
        inputs: the same contacts' inputs as they came.
        engaged: the same contacts' labels, 0 or 1: what the model's losses on new labels are compared with.
        cut: the score from which on a contact counts as engaged.
        trained_on: how many labelled contacts it was trained on.
    """

    version: str
    featuriser: Featuriser
    onnx: bytes
    reference: NDArray[np.float32]
    inputs: tuple[MonitoredColumns, ...]
    engaged: tuple[int, ...]
    cut: float
    trained_on: int
    created_at: datetime

    def __post_init__(self) -> None:
        width = len(self.featuriser.features) + 1
        if self.reference.ndim != 2 or self.reference.shape[1] != width:
            raise ValueError(f"a reference has {width} columns, not shape {self.reference.shape}")
        if not len(self.inputs) == len(self.engaged) == len(self.reference):
            raise ValueError(
                f"a reference of {len(self.reference)} contacts has {len(self.inputs)} inputs and"
                f" {len(self.engaged)} labels"
            )

    @cached_property
    def reference_id(self) -> str:
        """A name of the reference derived from its content."""
        content = np.ascontiguousarray(self.reference, "<f4").tobytes() + msgspec.json.encode(self.inputs)
        return hashlib.sha256(content).hexdigest()[:12]

    def with_version(self, version: str) -> Bundle:
        """The same model under the registry's version."""
        return replace(self, version=version)

    def files(self) -> dict[str, bytes]:
        """The bundle as files, the manifest with their checksums last."""
        parts = {
            GRAPH: self.onnx,
            FEATURISER: _json(self.featuriser.to_spec()),
            REFERENCE: _json(self._reference_document()),
        }
        manifest = {
            "format": FORMAT,
            "cut": self.cut,
            "trained_on": self.trained_on,
            "created_at": self.created_at.isoformat(),
            "sha256": {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()},
        }
        return parts | {MANIFEST: _json(manifest)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], version: str = "") -> Bundle:
        """The inverse of `files`.

        Raises:
            ValueError: not a bundle, one of another format, or one whose parts are not those that were written.
        """
        manifest = _parsed(files, MANIFEST)
        if manifest.get("format") != FORMAT:
            raise ValueError(f"a model bundle of format {manifest.get('format')}: this version reads {FORMAT}")
        try:
            for name in (GRAPH, FEATURISER, REFERENCE):
                if hashlib.sha256(files[name]).hexdigest() != manifest["sha256"][name]:
                    raise ValueError(f"the model bundle's {name} is not what was registered: its checksum differs")
            return cls._from_parts(files, manifest, version)
        except (LookupError, TypeError, AttributeError, zlib.error) as fault:
            raise ValueError(f"a model bundle with something amiss ({type(fault).__name__}: {fault})") from None

    @classmethod
    def _from_parts(cls, files: Mapping[str, bytes], manifest: Mapping[str, Any], version: str) -> Bundle:
        reference = _parsed(files, REFERENCE)
        inputs = tuple(MonitoredColumns(*values) for values in reference["inputs"])
        featuriser = Featuriser.from_spec(_parsed(files, FEATURISER))
        flat = np.frombuffer(_unpacked(base64.b64decode(reference["rows"], validate=True)), "<f4")
        return cls(
            version=version,
            featuriser=featuriser,
            onnx=files[GRAPH],
            reference=flat.reshape(len(featuriser.features) + 1, len(inputs)).T.astype(np.float32),
            inputs=inputs,
            engaged=msgspec.convert(reference["engaged"], tuple[Literal[0, 1], ...]),
            cut=msgspec.convert(manifest["cut"], Share),
            trained_on=msgspec.convert(manifest["trained_on"], Count),
            created_at=datetime.fromisoformat(manifest["created_at"]),
        )

    def to_bytes(self) -> bytes:
        """One message: JSON, compressed; some 50 kB for a reference of 1,000 rows."""
        files = self.files()
        document = {
            "version": self.version,
            "sha256": _seal(self.version, files),
            "files": {name: base64.b64encode(part).decode() for name, part in files.items()},
        }
        return zlib.compress(_json(document), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """The inverse of `to_bytes`.

        Raises:
            ValueError: as `from_files`.
        """
        try:
            document = json.loads(_unpacked(data))
            files = {name: base64.b64decode(part, validate=True) for name, part in document["files"].items()}
            version, seal = str(document["version"]), document["sha256"]
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"not a model bundle ({fault})") from None
        if seal != _seal(version, files):
            raise ValueError("a model bundle whose checksum is not that of its content")
        return cls.from_files(files, version)

    def _reference_document(self) -> dict[str, Any]:
        # Column by column, because a column's neighbours are alike and compress.
        rows = zlib.compress(self.reference.T.astype("<f4").tobytes(), 9)
        return {
            "rows": base64.b64encode(rows).decode(),
            "inputs": [list(msgspec.structs.astuple(one)) for one in self.inputs],
            "engaged": list(self.engaged),
        }


def _seal(version: str, files: Mapping[str, bytes]) -> str:
    """Over the version and the manifest, which holds the checksums of the rest."""
    return hashlib.sha256(version.encode() + b"/" + files.get(MANIFEST, b"")).hexdigest()


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _unpacked(data: bytes) -> bytes:
    """Uncompressed, unless that would fill the memory."""
    stream = zlib.decompressobj()
    content = stream.decompress(data, LARGEST)
    if not stream.eof:
        raise ValueError("it is cut off or too large")
    return content


def _parsed(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        document = json.loads(files[name])
    except (KeyError, ValueError):
        raise ValueError(f"not a model bundle: it has no {name}, or one that is not JSON") from None
    if not isinstance(document, dict):
        raise ValueError(f"not a model bundle: {name} is not a JSON object")  # noqa: TRY004  (a fault of the file)
    return document
