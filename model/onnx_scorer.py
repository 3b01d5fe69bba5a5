"""Scoring feature rows with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Of ONNX's own operators; those of others need code that a graph cannot carry, or differ from runtime to runtime."""


class OnnxScorer:
    """A loaded and tried graph; one thread, because workers scale by partitions.

    Args:
        graph: a serialised ONNX model that takes float32 (contacts, features) and gives one score a contact. It
            comes from outside, so it is taken for nothing before it has been tried.
        features: how many the featuriser makes.

    Raises:
        ValueError: the graph is refused, and why.
    """

    def __init__(self, graph: bytes, features: int) -> None:
        try:
            _check_parts(onnx.load_from_string(graph))
            self._session = _session(graph)
            self._input = self._only_input(features)
            # The first run allocates, too: have that done before the model meets the stream.
            self._try_out(features)
        except Exception as fault:  # each library has errors of its own, and most of them are bare Exceptions
            reason = " ".join(str(fault).split())[:200] or type(fault).__name__
            raise ValueError(f"the ONNX graph is refused: {reason}") from None

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of engagement for each row, shape (rows,)."""
        scores: NDArray[np.float32] = self._session.run(None, {self._input: features})[0]
        return scores

    def _only_input(self, features: int) -> str:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if (len(inputs), len(outputs)) != (1, 1):
            raise ValueError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one of each")
        kind, shape = inputs[0].type, inputs[0].shape
        if kind != "tensor(float)" or len(shape) != 2 or isinstance(shape[0], int) or shape[1] != features:
            raise ValueError(f"it takes {kind} of shape {shape}, not float32 rows of {features} features")
        name: str = inputs[0].name
        return name

    def _try_out(self, features: int) -> None:
        for rows in (1, 3):
            values = np.repeat(np.array([0, 1, 1_000], np.float32)[:rows, None], features, axis=1)
            scores = self.score(values)
            if not isinstance(scores, np.ndarray) or scores.dtype.kind != "f" or scores.shape != (rows,):
                made = f"{getattr(scores, 'dtype', type(scores).__name__)} of shape {np.shape(scores)}"
                raise ValueError(f"it makes {made} of {rows} contacts, not one score each")
            if not (np.isfinite(scores).all() and scores.min() >= 0 and scores.max() <= 1):
                raise ValueError(f"its scores of {rows} trial contacts are not all in [0, 1]")


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is milder than fatal is raised as well, and said once by whoever catches it
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _check_parts(model: onnx.ModelProto) -> None:
    """Refuse what would read files or need foreign code, before the runtime sees it."""
    for part in _parts(model):
        if isinstance(part, onnx.TensorProto) and part.data_location == onnx.TensorProto.EXTERNAL:
            raise ValueError("it keeps data outside itself")
        if isinstance(part, onnx.NodeProto) and part.domain not in DOMAINS:
            raise ValueError(f"it has an operator of another domain, {part.domain}:{part.op_type}")


def _parts(message: Any) -> Iterator[Any]:
    """The message and all messages in it, however deep: graphs hold nodes, which hold graphs."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _parts(part)
