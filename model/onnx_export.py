"""A trained model as one numeric ONNX graph: float32 [n, features] to the probability of engagement.

The graph is written directly: skl2onnx 1.20 cannot convert scikit-learn 1.9's histogram trees, and a linear model is
four nodes (ADR 10). What makes that safe is that every graph is compared with the model that it was made of before
anybody sees it.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from model.featuriser import Matrix
from model.onnx_scorer import OnnxScorer
from model.training import Trained

OPSET, ML_OPSET = 17, 3
INPUT, OUTPUT = "features", "score"
CHECKED_ROWS = 10_000
LARGEST_DIFFERENCE = 1e-5
"""Between a score by the graph and one by the trained model; float32 makes it some 1e-7."""


class ExportError(RuntimeError):
    """The graph does not compute what was trained: it must not be registered."""


def export(trained: Trained, features: Matrix, *, seed: int) -> bytes:
    """The model as a serialised ONNX graph, once that has been compared with the model itself.

    Args:
        features: training features; the rows compared on take each feature's value from one of them, independently, so
            that they go to corners that no contact has been in.

    Raises:
        ExportError: a score differs by more than 1e-5.
    """
    graph = to_onnx(trained)
    rng = np.random.default_rng(seed)
    mixed = np.column_stack([rng.choice(column, CHECKED_ROWS) for column in features.T])
    scored = OnnxScorer(graph, features.shape[1]).score(mixed)
    difference = float(np.abs(scored - trained.score(mixed)).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"the ONNX graph of {trained.chosen} differs from the trained model by {difference:.1e}: not registered"
        )
    return graph


def to_onnx(trained: Trained) -> bytes:
    """The model as a serialised ONNX graph; standardisation and calibration are in its numbers."""
    estimator, slope, shift = trained.estimator, trained.slope, trained.shift
    if not isinstance(estimator, Pipeline):
        return _serialised(_trees(estimator, slope, shift), len(trained.featuriser.features))
    scaler, classifier = (step for _, step in estimator.steps)
    coefficients = classifier.coef_[0] / scaler.scale_
    intercept = classifier.intercept_[0] - scaler.mean_ @ coefficients
    return linear_graph(slope * coefficients, slope * intercept + shift)


Part = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]


def linear_graph(coefficients: NDArray[np.floating], intercept: float) -> bytes:
    """``sigmoid(features · coefficients + intercept)`` as a serialised ONNX graph."""
    width = len(coefficients)
    nodes = [
        helper.make_node("MatMul", [INPUT, "weights"], ["weighted"]),
        helper.make_node("Add", ["weighted", "intercept"], ["logit"]),
    ]
    tensors = [
        helper.make_tensor("weights", TensorProto.FLOAT, [width, 1], np.asarray(coefficients, np.float32)),
        helper.make_tensor("intercept", TensorProto.FLOAT, [1], [intercept]),
    ]
    return _serialised((nodes, tensors), width)


def _trees(estimator: HistGradientBoostingClassifier, slope: float, shift: float) -> Part:
    """One TreeEnsembleRegressor; the calibration is in the leaves."""
    trees: list[NDArray[np.void]] = [trees[0].nodes for trees in estimator._predictors]
    ids = [np.arange(len(nodes)) for nodes in trees]
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(bool)
    tree_of, id_of = np.repeat(np.arange(len(trees)), [len(tree) for tree in trees]), np.concatenate(ids)
    node = helper.make_node(
        "TreeEnsembleRegressor", [INPUT], ["logit"], domain="ai.onnx.ml",
        n_targets=1,
        base_values=[float(slope * np.ravel(estimator._baseline_prediction)[0] + shift)],
        nodes_treeids=tree_of,
        nodes_nodeids=id_of,
        nodes_featureids=np.where(leaf, 0, nodes["feature_idx"]),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=np.where(leaf, np.float32(0), _below(nodes["num_threshold"])),
        nodes_truenodeids=np.where(leaf, 0, nodes["left"]),
        nodes_falsenodeids=np.where(leaf, 0, nodes["right"]),
        target_treeids=tree_of[leaf],
        target_nodeids=id_of[leaf],
        target_ids=np.zeros(int(leaf.sum()), int),
        target_weights=slope * nodes["value"][leaf],
    )  # fmt: skip
    return [node], []


def _below(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 not above each: a float32 feature is on the same side of either."""
    nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _serialised(part: Part, width: int) -> bytes:
    """The graph around a part that makes ``logit``, checked by ONNX's own checker."""
    nodes, tensors = part
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("Sigmoid", ["logit"], ["column"]),
            helper.make_node("Squeeze", ["column", "axes"], [OUTPUT]),
        ],
        "driftline",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["contacts", width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["contacts"])],
        [*tensors, helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="driftline")
    model.ir_version = 10  # what the onnxruntime of every supported Python reads
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def parsed(graph: bytes) -> onnx.ModelProto:
    """A serialised graph as ONNX's own object."""
    return onnx.load_from_string(graph)
