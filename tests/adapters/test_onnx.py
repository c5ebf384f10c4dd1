import itertools

import numpy as np
import pytest

import refseq
from refseq.checks.implementation import NotOffered
from tests.adapters.problems import LENGTHS, TOLERANCE, distance, forward_distance, problem

CELLS = [cell for name in ("elman", "lstm", "gru") for cell in refseq.catalogue()[name].variants()]
STACKS = [{}, {"layers": 3, "bidirectional": True}, {"bias": False, "bidirectional": True}]
LAYERS = [refseq.layer(c.name, 4, 3, **c.options, **sizes) for c, sizes in itertools.product(CELLS, STACKS)]
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)


@pytest.fixture
def adapter(onnx):
    import refseq.adapters.onnx

    return refseq.adapters.onnx


@layers
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_onnxruntime_agrees_with_the_reference(onnxruntime, adapter, layer, lengths):
    implementation = adapter.OnnxRuntimeImplementation(layer)
    given = problem(layer, "float32", lengths)
    before = given.bytes()
    assert forward_distance(implementation, layer, given) <= TOLERANCE["float32"]
    assert given.bytes() == before
    assert implementation.name == f"onnxruntime {onnxruntime.__version__}"


@layers
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_reference_evaluator_agrees_with_the_reference(adapter, layer, dtype):
    implementation = adapter.ReferenceEvaluatorImplementation(layer)
    given = problem(layer, dtype)
    if layer.cell.options.get("activation") in ("relu", "sigmoid"):
        with pytest.raises(NotOffered, match="evaluator: Unknown activation function"):
            implementation.forward(*given.inputs)
        return
    assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]
    given.lengths = np.full(4, 5)  # lengths that shorten nothing
    assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_the_reference_evaluator_has_no_lengths_while_it_ignores_them(adapter, name):
    from refseq.adapters.onnx_model import onnx_model

    layer = refseq.layer(name, 4, 3)
    implementation = adapter.ReferenceEvaluatorImplementation(layer)
    given = problem(layer, lengths=np.array([5, 1, 2, 3]))
    feeds = {"x": given.x, "lengths": given.lengths.astype(np.int32)} | {f"{n}0": s for n, s in given.state.items()}
    y, *_ = implementation.execute(onnx_model(layer, given.params, lengths=True), feeds)
    expected = layer.forward(*given.inputs, target="reference").y
    if distance(y, expected) <= 1e-12:  # a newer onnx may know them
        assert forward_distance(implementation, layer, given) <= 1e-12
    else:
        with pytest.raises(NotOffered, match="evaluator ignores sequence_lens of"):
            implementation.forward(*given.inputs)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_onnxruntime_refuses_float64_in_its_own_words(onnxruntime, adapter, name):
    layer = refseq.layer(name, 4, 3)
    with pytest.raises(NotOffered, match=r"does not support double yet|Could not find an implementation for RNN"):
        adapter.OnnxRuntimeImplementation(layer).forward(*problem(layer, "float64").inputs)


@pytest.mark.parametrize("kind", ["OnnxRuntimeImplementation", "ReferenceEvaluatorImplementation"])
@pytest.mark.parametrize("steps", [0, 5])
def test_there_are_no_gradients(onnxruntime, adapter, kind, steps):
    layer = refseq.layer("lstm", 4, 3)
    given = problem(layer, "float32", steps=steps)
    with pytest.raises(NotOffered, match="has no gradients"):
        getattr(adapter, kind)(layer).vjp(*given.inputs, *given.cotangents)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (5, 0), (1, 1)])
def test_no_steps_and_no_rows(onnxruntime, adapter, steps, rows):
    layer = refseq.layer("gru", 4, 3, layers=2)
    given = problem(layer, "float32", steps=steps, rows=rows)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, given) <= 1e-5


@pytest.mark.parametrize(("name", "order"), [("lstm", ("i", "f", "g", "o")), ("gru", ("r", "z", "n"))])
def test_gates_in_the_wrong_order_are_noticed(onnxruntime, adapter, monkeypatch, name, order):
    from refseq.adapters.onnx_node import ORDERS

    layer = refseq.layer(name, 4, 3)
    monkeypatch.setitem(ORDERS, name, order)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, problem(layer, "float32")) > 0.01


def test_the_other_reset_is_noticed(onnxruntime, adapter):
    before, after = (refseq.layer("gru", 4, 3, bias=False, reset=reset) for reset in ("before", "after"))
    assert forward_distance(adapter.OnnxRuntimeImplementation(before), after, problem(after, "float32")) > 0.01
