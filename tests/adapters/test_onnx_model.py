import numpy as np
import pytest

import refseq
from refseq.adapters.onnx_node import import_node
from refseq.checks.implementation import NotOffered
from tests.adapters.problems import problem
from tests.adapters.test_onnx import LAYERS, layers
from tests.variants import EVERY


@pytest.fixture
def onnx_model(onnx):
    from refseq.adapters.onnx_model import onnx_model

    return onnx_model


@layers
@pytest.mark.parametrize("lengths", [False, True])
def test_models_are_valid_onnx(onnx, onnx_model, layer, lengths):
    model = onnx_model(layer, problem(layer, "float32").params, lengths=lengths)
    onnx.checker.check_model(model, full_check=True)
    states = [f"{name}0" for name in layer.cell.state]
    assert [value.name for value in model.graph.input] == ["x", *states, *["lengths"] * lengths]
    assert [value.name for value in model.graph.output] == ["y", *layer.cell.state]


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer.layers == 1], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reading_a_model_back_gives_the_same_parameters(onnx, onnx_model, layer, dtype):
    params = problem(layer, dtype).params
    graph = onnx_model(layer, params).graph
    found = import_node(graph.node[0], {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer})
    assert found.layer == layer
    assert found.params.keys() == params.keys()
    assert all(np.array_equal(found.params[name], params[name]) for name in params)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("lstm", {"projection": 2}, r"ONNX has no lstm\(projection=True\); it has elman, lstm, lstm_peephole\(peeph"),
        ("lstm", {"normalise": True}, "ONNX has no lstm.normalise=True"),
        ("lstm", {"clip": 0.5}, "ONNX's clip bounds the inputs of all activations, that of .* the memory"),
        ("lstm_peephole", {"output_sees": "old"}, "ONNX has no lstm_peephole.peephole=diagonal, output_sees=old"),
        ("lstm_peephole", {"output_sees": "new", "peephole": "full"}, "ONNX has no lstm_peephole.peephole=full"),
        ("lstm_peephole_coupled", {}, "ONNX has no lstm_peephole_coupled"),
        ("lstm_no_forget", {}, "ONNX has no lstm_no_forget"),
        ("leaky", {}, "ONNX has no leaky"),
        ("jordan", {}, "ONNX has no jordan"),
        ("gru", {"zoneout": True}, "none of zoneout_h"),
        ("gru", {"bidirectional": True, "merge": "mean"}, "no merge='mean'"),
    ],
)
def test_a_cell_without_an_operator_is_not_offered(onnx_model, name, options, reason):
    with pytest.raises(NotOffered, match=reason):
        onnx_model(refseq.layer(name, 4, 3, **options), {})


def test_every_recurrence_is_offered_or_refused(onnx_model):
    """None is exported as something else: those that are exported are among LAYERS, which are compared."""
    from refseq.adapters.onnx_attributes import operator

    offered = set()
    for name, options in EVERY:
        layer = refseq.layer(name, 4, 3, **options)
        try:
            operator(layer)
        except NotOffered:
            continue
        offered.add(layer)
    assert {layer.cell.name for layer in offered} == {
        "elman",
        "lstm",
        "lstm_peephole",
        "lstm_peephole_coupled",
        "lstm_coupled",
        "gru",
    }
    assert offered <= set(LAYERS)
