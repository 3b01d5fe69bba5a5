"""Scoring feature rows with ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray


class OnnxScorer:
    """A loaded graph; one thread, because workers scale by partitions."""

    def __init__(self, graph: bytes, features: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        # The first run allocates: have that done before the model meets the stream.
        self.score(np.zeros((1, features), np.float32))

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of engagement for each row, shape (rows,)."""
        scores: NDArray[np.float32] = self._session.run(None, {self._input: features})[0]
        return scores
