import numpy as np
import pytest

import refseq
from refseq.adapters.onnx_node import import_node
from refseq.checks.implementation import NotOffered
from refseq.layer import Layer
from tests.adapters.problems import problem
from tests.adapters.test_onnx import LAYERS, layers


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


def test_a_cell_without_an_operator_is_not_offered(onnx_model):
    cell = refseq.catalogue()["lstm"].build.__wrapped__()  # equal to the catalogue's in everything but being it
    with pytest.raises(NotOffered, match="ONNX has no lstm; it has elman"):
        onnx_model(Layer(cell, 4, 3), {})
