"""Nodes with what the official cases do not vary: weights, states, lengths, directions, layout, attributes."""

import itertools

import numpy as np
import pytest

from refseq.adapters.onnx_attributes import DEFAULTS
from refseq.adapters.onnx_node import GATES, INPUTS, import_node
from refseq.checks.implementation import NotOffered
from tests.adapters.problems import distance

OPS = pytest.mark.parametrize("op", GATES)


@pytest.fixture
def make(onnx):
    def make(op, lengths=None, bias=True, dtype="float32", peepholes=False, **attributes):
        """A node and random tensors for it, T=5, B=3, I=4, H=3, by their ONNX names."""
        rng, D, G = np.random.default_rng(5), 1 + (attributes.get("direction") == "bidirectional"), GATES[op]

        def draw(*shape):
            return (0.6 * rng.standard_normal(shape)).astype(dtype)

        tensors = {"X": draw(5, 3, 4), "W": draw(D, G * 3, 4), "R": draw(D, G * 3, 3)}
        tensors |= {"B": draw(D, 2 * G * 3)} if bias else {}
        tensors |= {} if lengths is None else {"sequence_lens": np.array(lengths, np.int32)}
        tensors |= {name: draw(D, 3, 3) for name in ["initial_h"] + ["initial_c"] * (op == "LSTM")}
        tensors |= {"P": draw(D, 9)} if peepholes else {}
        if attributes.get("layout"):
            tensors |= {n: tensors[n].swapaxes(0, 1) for n in ("X", "initial_h", "initial_c") if n in tensors}
        inputs = [name if name in tensors else "" for name in INPUTS[: 8 if op == "LSTM" else 6]]
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


def interpreted(node, tensors):
    """The outputs of a node, computed over Python's floats: nothing is compiled."""
    dtype = tensors["X"].dtype
    lifted = {n: t if n == "sequence_lens" else t.astype(object) for n, t in tensors.items()}
    return {n: value.astype(dtype) for n, value in import_node(node, lifted).run(lifted, "reference").items()}


def by_onnxruntime(onnx, onnxruntime, node, tensors):
    session = onnxruntime.InferenceSession(model_of(onnx, node, tensors).SerializeToString())
    return dict(zip(node.output, session.run(None, tensors), strict=True))


@OPS
@pytest.mark.parametrize("lengths", [None, [2, 5, 3]], ids=["full", "lengths"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_agrees_with_onnxruntime(onnx, onnxruntime, make, op, direction, lengths):
    for after, bias in itertools.product((0, 1) if op == "GRU" else (0,), (True, False)):
        attributes = {"linear_before_reset": after} if op == "GRU" else {}
        node, tensors = make(op, lengths, bias, direction=direction, **attributes)
        assert distance(interpreted(node, tensors), by_onnxruntime(onnx, onnxruntime, node, tensors)) <= 1e-5


@OPS
@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_agrees_with_the_reference_evaluator(onnx, make, op, direction, layout):
    from onnx.reference import ReferenceEvaluator

    node, tensors = make(op, dtype="float64", direction=direction, layout=layout)
    expected = dict(zip(node.output, ReferenceEvaluator(model_of(onnx, node, tensors)).run(None, tensors), strict=True))
    assert distance(interpreted(node, tensors), expected) <= 1e-12


def test_activations_of_the_simple_network(onnx, onnxruntime, make):
    affine = {"activation_alpha": [1.0], "activation_beta": [0.0]}
    for name, more in (("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Affine", affine)):
        node, tensors = make("RNN", activations=[name], **more)
        assert distance(interpreted(node, tensors), by_onnxruntime(onnx, onnxruntime, node, tensors)) <= 1e-5


@pytest.mark.parametrize(
    ("op", "attributes", "reason"),
    [
        ("LSTM", {"clip": 3.0}, "clip bounds the memory, the node's clip=3.0 the inputs of all activations"),
        ("RNN", {"clip": 0.0}, "clip bounds the memory, the node's clip=0.0 the inputs of all activations"),
        ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "no LSTM with the activations .'hardsigmoid'"),
        ("LSTM", {"activations": [*"fgh"]}, "no LSTM with the activations .'f', 'g', 'h'"),
        ("LSTM", {"activations": ["Sigmoid", "Tanh"]}, "no LSTM with the activations .'sigmoid', 'tanh'"),
        (
            "LSTM",
            {"activations": ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Relu"], "direction": "bidirectional"},
            "no LSTM with the activations .'sigmoid', 'tanh', 'tanh', 'sigmoid', 'tanh', 'relu'",
        ),
        ("LSTM", {"activations": ["Relu", "Tanh", "Tanh"], "peepholes": True}, "refseq's lstm_peephole has the act"),
        ("LSTM", {"activations": ["Sigmoid", "Relu", "Tanh"], "input_forget": 1}, "refseq's lstm_coupled has the act"),
        ("LSTM", {"activations": ["Sigmoid", "Affine", "Tanh"]}, r"'affine', 'tanh'\], alpha \[\]"),
        ("GRU", {"activations": ["Sigmoid", "Relu"]}, "the node has .'sigmoid', 'relu'"),
        ("RNN", {"activations": ["Softsign"]}, "activations .'softsign'"),
        ("RNN", {"activations": ["Affine"], "activation_alpha": [2.0]}, "alpha .2.0"),
        ("RNN", {"activations": ["Tanh", "Relu"], "direction": "bidirectional"}, "activations .'tanh', 'relu'"),
    ],
)
def test_what_refseq_does_not_have(make, op, attributes, reason):
    with pytest.raises(NotOffered, match=reason):
        import_node(*make(op, **attributes))


@OPS
def test_default_activations_may_be_spelled_out(make, op):
    names = [name.capitalize() for name in DEFAULTS[op]] * 2
    assert import_node(*make(op, direction="bidirectional", activations=names)).layer.bidirectional


LSTMS = [
    ({"peepholes": True}, "lstm_peephole"),
    ({"input_forget": 1}, "lstm_coupled"),
    ({"input_forget": 1, "peepholes": True}, "lstm_peephole_coupled"),
    ({"activations": ["Tanh", "Relu", "Sigmoid"]}, "lstm"),
    ({"activations": ["Sigmoid", "Affine", "Tanh"], "activation_alpha": [1.0], "activation_beta": [0.0]}, "lstm"),
]


@pytest.mark.parametrize(("attributes", "name"), LSTMS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_lstms_agree_with_onnxruntime(onnx, onnxruntime, make, attributes, name, direction):
    both = 2 if direction == "bidirectional" else 1
    given = {key: value * both if isinstance(value, list) else value for key, value in attributes.items()}
    for lengths, bias in itertools.product((None, [2, 5, 3]), (True, False)):
        node, tensors = make("LSTM", lengths, bias, direction=direction, **given)
        assert import_node(node, tensors).layer.cell.name == name
        assert distance(interpreted(node, tensors), by_onnxruntime(onnx, onnxruntime, node, tensors)) <= 1e-5


@pytest.mark.parametrize("peepholes", [False, True])
def test_of_two_coupled_gates_onnxruntime_keeps_the_input_gate(onnx, onnxruntime, make, peepholes):
    """The standard does not say which: the blocks of the forget gate change nothing, those of the input gate do."""
    node, tensors = make("LSTM", input_forget=1, peepholes=peepholes)
    expected = by_onnxruntime(onnx, onnxruntime, node, tensors)

    def with_block_changed(number):  # of W, R, B in the order i o f c, of P in the order i o f
        changed = {name: value.copy() for name, value in tensors.items()}
        for name in {"W", "R", "B", "P"} & changed.keys():
            changed[name][:, 3 * number : 3 * number + 3] += 1
        return by_onnxruntime(onnx, onnxruntime, node, changed)

    assert distance(with_block_changed(2), expected) == 0
    assert distance(with_block_changed(0), expected) > 0.01


def test_clip_of_onnx_bounds_the_inputs_of_the_activations_not_the_memory(onnx, onnxruntime, make):
    node, tensors = make("LSTM", clip=0.25, activations=["Sigmoid", "Relu", "Tanh"])
    tensors["initial_c"] += 3
    memory = by_onnxruntime(onnx, onnxruntime, node, tensors | {"X": tensors["X"][:1]})["Y_c"]
    assert memory.max() > 1


def test_affine_without_alpha_is_no_identity_to_onnxruntime(onnx, onnxruntime, make):
    """Why such a node is not offered: with alpha left out, onnxruntime's Affine is 0."""
    node, tensors = make("RNN", activations=["Affine"])
    assert not by_onnxruntime(onnx, onnxruntime, node, tensors)["Y"].any()


def test_peepholes_need_their_tensor(make):
    node, tensors = make("LSTM", peepholes=True)
    with pytest.raises(ValueError, match="tensors: expected P under the name 'P'"):
        import_node(node, {name: value for name, value in tensors.items() if name != "P"})
    with pytest.raises(ValueError, match=r"tensors: expected P of shape \(1, 9\), got \(1, 8\)"):
        import_node(node, tensors | {"P": tensors["P"][:, :-1]})


def test_parameters_share_no_memory_with_the_tensors(make):
    node, tensors = make("LSTM", peepholes=True)
    params = import_node(node, tensors).params
    assert not any(np.shares_memory(value, tensor) for value in params.values() for tensor in tensors.values())


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
