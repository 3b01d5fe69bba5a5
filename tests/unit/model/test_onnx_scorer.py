"""What a graph has to be before anything is scored with it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from onnx import TensorProto, helper

from model.onnx_scorer import OnnxScorer

WIDTH = 3
Node: TypeAlias = Any  # onnx comes without types
Value: TypeAlias = Any


def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Value:
    return helper.make_tensor_value_info(name, kind, list(shape))


ROWS, SCORES = value("x", "n", WIDTH), value("y", "n")
MEAN = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)


def graph(
    nodes: Sequence[Node],
    inputs: Sequence[Value] = (ROWS,),
    outputs: Sequence[Value] = (SCORES,),
    constants: Sequence[Any] = (),
) -> bytes:
    made = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(constants))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("theirs", 1)])
    model.ir_version = 10
    serialised: bytes = model.SerializeToString()
    return serialised


def sigmoid(*before: Node) -> bytes:
    squashed = helper.make_node("Sigmoid", ["logit"], ["y"])
    return graph([*before, squashed])


def test_a_graph_of_its_featurisers_width_is_scored_with() -> None:
    scores = OnnxScorer(sigmoid(helper.make_node("ReduceMean", ["x"], ["logit"], axes=[1], keepdims=0)), WIDTH).score(
        np.array([[0, 0, 0], [1, 2, 3]], np.float32)
    )
    np.testing.assert_allclose(scores, [0.5, 1 / (1 + np.exp(-2))], rtol=1e-6)


def external(location: str) -> bytes:
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[WIDTH], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=location)
    return graph([helper.make_node("MatMul", ["x", "w"], ["y"])], constants=[weights])


def in_a_branch(node: Node) -> bytes:
    """A node that only the graph within an If has."""
    branch = helper.make_graph([node], "branch", [], [SCORES])
    other = helper.make_graph([MEAN], "other", [], [SCORES])
    choice = helper.make_tensor("choice", TensorProto.BOOL, [], [False])
    return graph([helper.make_node("If", ["choice"], ["y"], then_branch=branch, else_branch=other)], constants=[choice])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "refused"),
    "no ONNX": (lambda: b"\x80\x04 pickled", "refused"),
    "half of one": (lambda: sigmoid(MEAN)[:40], "refused"),
    "what does not fit together": (lambda: sigmoid(MEAN), "refused"),
    "another width": (lambda: graph([MEAN], [value("x", "n", 4)]), r"shape \['n', 4\], not float32 rows of 3"),
    "any width": (lambda: graph([MEAN], [value("x", "n", "m")]), "not float32 rows of 3 features"),
    "one contact at a time": (lambda: graph([MEAN], [value("x", 1, WIDTH)]), "not float32 rows"),
    "another type": (
        lambda: graph(
            [MEAN], [value("x", "n", WIDTH, kind=TensorProto.DOUBLE)], [value("y", "n", kind=TensorProto.DOUBLE)]
        ),
        r"tensor\(double\)",
    ),
    "two inputs": (
        lambda: graph([helper.make_node("Sum", ["a", "x"], ["y"])], [value("a", "n"), ROWS], [SCORES]),
        "2 inputs",
    ),
    "two outputs": (
        lambda: graph([MEAN, helper.make_node("Neg", ["y"], ["z"])], outputs=[SCORES, value("z", "n")]),
        "2 outputs",
    ),
    "a column of scores": (
        lambda: graph([helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])], outputs=[value("y", "n", 1)]),
        r"shape \(1, 1\) of 1 contacts",
    ),
    "one score for all": (
        lambda: graph([helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)], outputs=[value("y")]),
        r"shape \(\) of 1 contacts",
    ),
    "one score, whatever the shape it declares": (
        lambda: graph(
            [
                helper.make_node("ReduceMax", ["m"], ["y"], axes=[0]),
                helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=0),
            ][::-1]
        ),
        r"shape \(1,\) of 3 contacts",
    ),
    "labels": (
        lambda: graph(
            [
                helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=0),
                helper.make_node("Cast", ["m"], ["y"], to=TensorProto.INT64),
            ],
            outputs=[value("y", "n", kind=TensorProto.INT64)],
        ),
        "int64",
    ),
    "no probabilities": (lambda: graph([MEAN]), r"not all in \[0, 1\]"),
    "no numbers": (
        lambda: graph(
            [
                helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=0),
                helper.make_node("Div", ["m", "m"], ["y"]),
            ]
        ),
        r"not all in \[0, 1\]",
    ),
    "an operator of others": (lambda: graph([helper.make_node("Mean", ["x"], ["y"], domain="theirs")]), "theirs:Mean"),
    "one of the runtime's own": (
        lambda: sigmoid(helper.make_node("Gelu", ["x"], ["logit"], domain="com.microsoft")),
        "com.microsoft:Gelu",
    ),
    "one in a branch": (lambda: in_a_branch(helper.make_node("Mean", ["x"], ["y"], domain="theirs")), "theirs:Mean"),
    "an unknown operator": (lambda: graph([helper.make_node("Guess", ["x"], ["y"])]), "Guess"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_in_one_line(name: str) -> None:
    made, reason = REFUSED[name]
    with pytest.raises(ValueError, match=reason) as refusal:
        OnnxScorer(made(), WIDTH)
    assert str(refusal.value).startswith("the ONNX graph is refused: ")
    assert "\n" not in str(refusal.value)


def test_no_file_is_read_for_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.zeros(WIDTH, np.float32).tofile(tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="keeps data outside itself"):
        OnnxScorer(external("weights"), WIDTH)


def test_no_file_is_read_for_a_graph_within_a_graph() -> None:
    outside = TensorProto(data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="/etc/hostname")
    with pytest.raises(ValueError, match="keeps data outside itself"):
        OnnxScorer(in_a_branch(helper.make_node("Constant", [], ["y"], value=outside)), WIDTH)
