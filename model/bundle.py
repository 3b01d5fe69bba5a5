"""A model version as it travels: graph, featuriser and reference window in one piece.

They belong together: a new model against the old reference would raise alerts that never clear.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from driftline.events import MonitoredColumns
from model.features import FEATURES, Featuriser

FORMAT = "driftline.bundle/4"
LARGEST = 256 * 1024 * 1024
"""Bytes that a part of a bundle may unpack to: some hundred times what the largest message can need."""


@dataclass(frozen=True)
class Bundle:
    """One model version.

    Attributes:
        version: the registry's; empty before registration.
        onnx: the graph.
        reference: the reference window, float32 (rows, 48): the features and, last, the model's own score, of
            contacts that it was not trained on.
        inputs: the same contacts' inputs as they came.
        engaged: the same contacts' labels, 0 or 1: what the model's losses on new labels are compared with.
        trained_on: how many labelled contacts it was trained on.
    """

    version: str
    featuriser: Featuriser
    onnx: bytes
    reference: NDArray[np.float32]
    inputs: tuple[MonitoredColumns, ...]
    engaged: tuple[int, ...]
    trained_on: int
    created_at: datetime

    def __post_init__(self) -> None:
        if self.reference.ndim != 2 or self.reference.shape[1] != len(FEATURES) + 1:
            raise ValueError(f"a reference has {len(FEATURES) + 1} columns, not shape {self.reference.shape}")
        if len(self.inputs) != len(self.reference):
            raise ValueError(f"a reference of {len(self.reference)} contacts has the inputs of {len(self.inputs)}")
        if len(self.engaged) != len(self.reference):
            raise ValueError(f"a reference of {len(self.reference)} contacts has the labels of {len(self.engaged)}")

    @property
    def reference_id(self) -> str:
        """A name of the reference derived from its content."""
        content = np.ascontiguousarray(self.reference, "<f4").tobytes() + msgspec.json.encode(self.inputs)
        return hashlib.sha256(content).hexdigest()[:12]

    def with_version(self, version: str) -> Bundle:
        """The same model under the registry's version."""
        return replace(self, version=version)

    def to_bytes(self) -> bytes:
        """JSON with its own checksum, compressed; some 50 kB for a reference of 1,000 rows."""
        document = {
            "format": FORMAT,
            "version": self.version,
            "featuriser": self.featuriser.to_spec(),
            "onnx": base64.b64encode(self.onnx).decode(),
            # Column by column, because a column's neighbours are alike and compress.
            "reference": base64.b64encode(zlib.compress(self.reference.T.astype("<f4").tobytes(), 9)).decode(),
            "inputs": [list(msgspec.structs.astuple(one)) for one in self.inputs],
            "engaged": list(self.engaged),
            "trained_on": self.trained_on,
            "created_at": self.created_at.isoformat(),
        }
        return zlib.compress(json.dumps({"sha256": _checksum(document), **document}).encode(), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """The inverse of `to_bytes`.

        Raises:
            ValueError: not a bundle, one of another format, one that was altered, or one with something amiss.
        """
        try:
            document = json.loads(_unpacked(data))
        except (zlib.error, ValueError) as fault:
            raise ValueError(f"not a model bundle ({fault})") from None
        if not isinstance(document, dict):
            raise ValueError(f"not a model bundle (a JSON {type(document).__name__})")  # noqa: TRY004  (a wrong value)
        if document.get("format") != FORMAT:
            raise ValueError(f"a model bundle of format {document.get('format')}: this version reads {FORMAT}")
        if document.pop("sha256", None) != _checksum(document):
            raise ValueError("a model bundle whose checksum is not that of its content")
        try:
            return cls._from_document(document)
        except (LookupError, TypeError, AttributeError, zlib.error) as fault:
            raise ValueError(f"a model bundle with something amiss ({type(fault).__name__}: {fault})") from None

    @classmethod
    def _from_document(cls, document: dict[str, Any]) -> Bundle:
        inputs = tuple(MonitoredColumns(*values) for values in document["inputs"])
        flat = np.frombuffer(_unpacked(base64.b64decode(document["reference"], validate=True)), "<f4")
        return cls(
            version=document["version"],
            featuriser=Featuriser.from_spec(document["featuriser"]),
            onnx=base64.b64decode(document["onnx"], validate=True),
            reference=flat.reshape(len(FEATURES) + 1, len(inputs)).T.astype(np.float32),
            inputs=inputs,
            engaged=tuple(document["engaged"]),
            trained_on=document["trained_on"],
            created_at=datetime.fromisoformat(document["created_at"]),
        )


def _checksum(document: dict[str, Any]) -> str:
    """SHA-256 of everything but itself; JSON keeps order and floats, so that it is the same after reading."""
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def _unpacked(data: bytes) -> bytes:
    """Uncompressed, unless that would fill the memory."""
    stream = zlib.decompressobj()
    content = stream.decompress(data, LARGEST)
    if not stream.eof:
        raise ValueError("it is cut off or too large")
    return content
