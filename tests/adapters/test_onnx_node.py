"""Nodes with what the official cases do not vary: weights, states, lengths, directions, layout, attributes."""

import itertools

import numpy as np
import pytest

from refseq.adapters.onnx_node import GATED, import_node
from refseq.checks.implementation import NotOffered
from tests.adapters.problems import distance

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
NAMES = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c"]
OPS = pytest.mark.parametrize("op", GATES)


@pytest.fixture
def make(onnx):
    def make(op, lengths=None, bias=True, dtype="float32", **attributes):
        """A node and random tensors for it, T=5, B=3, I=4, H=3, by their ONNX names."""
        rng, D, G = np.random.default_rng(5), 1 + (attributes.get("direction") == "bidirectional"), GATES[op]

        def draw(*shape):
            return (0.6 * rng.standard_normal(shape)).astype(dtype)

        tensors = {"X": draw(5, 3, 4), "W": draw(D, G * 3, 4), "R": draw(D, G * 3, 3)}
        tensors |= {"B": draw(D, 2 * G * 3)} if bias else {}
        tensors |= {} if lengths is None else {"sequence_lens": np.array(lengths, np.int32)}
        tensors |= {name: draw(D, 3, 3) for name in ["initial_h"] + ["initial_c"] * (op == "LSTM")}
        if attributes.get("layout"):
            tensors |= {n: tensors[n].swapaxes(0, 1) for n in ("X", "initial_h", "initial_c") if n in tensors}
        inputs = [name if name in tensors else "" for name in NAMES[: 7 if op == "LSTM" else 6]]
        outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
        return onnx.helper.make_node(op, inputs, outputs, hidden_size=3, **attributes), tensors

    return make


def model_of(onnx, node, tensors):
    def value(name, array=None):
        element = onnx.helper.np_dtype_to_tensor_dtype((tensors["X"] if array is None else array).dtype)
        return onnx.helper.make_tensor_value_info(name, element, None if array is None else array.shape)

    inputs, outputs = [value(n, a) for n, a in tensors.items()], [value(n) for n in node.output]
    graph = onnx.helper.make_graph([node], "node", inputs, outputs)
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 14)])


@OPS
@pytest.mark.parametrize("lengths", [None, [2, 5, 3]], ids=["full", "lengths"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_agrees_with_onnxruntime(onnx, onnxruntime, make, op, direction, lengths):
    for after, bias in itertools.product((0, 1) if op == "GRU" else (0,), (True, False)):
        attributes = {"linear_before_reset": after} if op == "GRU" else {}
        node, tensors = make(op, lengths, bias, direction=direction, **attributes)
        session = onnxruntime.InferenceSession(model_of(onnx, node, tensors).SerializeToString())
        expected = dict(zip(node.output, session.run(None, tensors), strict=True))
        assert distance(import_node(node, tensors).run(tensors, "reference"), expected) <= 1e-5


@OPS
@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_agrees_with_the_reference_evaluator(onnx, make, op, direction, layout):
    from onnx.reference import ReferenceEvaluator

    node, tensors = make(op, dtype="float64", direction=direction, layout=layout)
    expected = dict(zip(node.output, ReferenceEvaluator(model_of(onnx, node, tensors)).run(None, tensors), strict=True))
    assert distance(import_node(node, tensors).run(tensors, "reference"), expected) <= 1e-12


def test_activations_of_the_simple_network(onnx, onnxruntime, make):
    affine = {"activation_alpha": [1.0], "activation_beta": [0.0]}
    for name, more in (("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Affine", affine)):
        node, tensors = make("RNN", activations=[name], **more)
        session = onnxruntime.InferenceSession(model_of(onnx, node, tensors).SerializeToString())
        expected = dict(zip(node.output, session.run(None, tensors), strict=True))
        assert distance(import_node(node, tensors).run(tensors, "reference"), expected) <= 1e-5


@pytest.mark.parametrize(
    ("op", "attributes", "reason"),
    [
        ("LSTM", {"clip": 3.0}, "has no clip, the node has clip=3"),
        ("LSTM", {"input_forget": 1}, "has no input_forget"),
        ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "the node has .'hardsigmoid'"),
        ("GRU", {"activations": ["Sigmoid", "Relu"]}, "the node has .'sigmoid', 'relu'"),
        ("RNN", {"activations": ["Softsign"]}, "activations .'softsign'"),
        ("RNN", {"activations": ["Affine"], "activation_alpha": [2.0]}, "alpha .2.0"),
        ("RNN", {"activations": ["Tanh", "Relu"], "direction": "bidirectional"}, "activations .'tanh', 'relu'"),
    ],
)
def test_what_refseq_does_not_have(make, op, attributes, reason):
    with pytest.raises(NotOffered, match=reason):
        import_node(*make(op, **attributes))


@pytest.mark.parametrize("op", GATED)
def test_default_activations_may_be_spelled_out(make, op):
    names = [name.capitalize() for name in GATED[op]] * 2
    assert import_node(*make(op, direction="bidirectional", activations=names)).layer.bidirectional


def test_peepholes(make):
    node, tensors = make("LSTM")
    node.input.append("P")
    with pytest.raises(NotOffered, match="peepholes"):
        import_node(node, tensors)
    with pytest.raises(NotOffered, match="peepholes"):
        import_node(node, tensors | {"P": np.ones((1, 9), np.float32)})
    assert import_node(node, tensors | {"P": np.zeros((1, 9), np.float32)}).layer.cell.name == "lstm"


def test_errors(onnx, make):
    with pytest.raises(ValueError, match="node: expected an operator of RNN, LSTM, GRU; got Relu"):
        import_node(onnx.helper.make_node("Relu", ["x"], ["y"]), {})
    node, tensors = make("GRU")
    with pytest.raises(ValueError, match="tensors: expected W under the name 'W'"):
        import_node(node, {"X": tensors["X"]})
    with pytest.raises(ValueError, match=r"tensors: expected the node's inputs .*missing \['initial_h'\]"):
        import_node(node, tensors).run({n: t for n, t in tensors.items() if n != "initial_h"})
    with pytest.raises(ValueError, match="direction: expected forward, reverse or bidirectional; got 'sideways'"):
        import_node(*make("RNN", direction="sideways"))
    for name, value in (("W", tensors["W"][:, :-1]), ("R", tensors["R"][:, 1:]), ("B", tensors["B"][:, 1:])):
        with pytest.raises(ValueError, match=f"tensors: expected {name} of shape"):
            import_node(node, tensors | {name: value})
    node.attribute.append(onnx.helper.make_attribute("direction", "bidirectional"))
    with pytest.raises(ValueError, match=r"tensors: expected W of shape \(2, 9, 4\), got \(1, 9, 4\)"):
        import_node(node, tensors)
