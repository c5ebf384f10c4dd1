"""What a layer takes and returns: names, shapes, dtypes."""

import numpy as np
import pytest

import refseq
from tests.examples import LAYERS, ROWS, STEPS, everything, example

TARGETS = ["cpu", "reference"]


def test_names_and_shapes_of_a_stack_in_both_directions():
    assert refseq.layer("gru", 5, 3, reset="after", layers=2, bidirectional=True).shapes == {
        "W_hx": (3, 3, 5),
        "W_hh": (3, 3, 3),
        "b_h": (3, 3),
        "b_hn": (3,),
        "W_hx_reverse": (3, 3, 5),
        "W_hh_reverse": (3, 3, 3),
        "b_h_reverse": (3, 3),
        "b_hn_reverse": (3,),
        "W_hx_l1": (3, 3, 6),
        "W_hh_l1": (3, 3, 3),
        "b_h_l1": (3, 3),
        "b_hn_l1": (3,),
        "W_hx_l1_reverse": (3, 3, 6),
        "W_hh_l1_reverse": (3, 3, 3),
        "b_h_l1_reverse": (3, 3),
        "b_hn_l1_reverse": (3,),
    }


def test_names_and_shapes_of_a_plain_layer():
    assert refseq.layer("lstm", 3, 4).shapes == {"W_hx": (4, 4, 3), "W_hh": (4, 4, 4), "b_h": (4, 4)}
    assert refseq.layer("lstm", 3, 4, bias=False).shapes == {"W_hx": (4, 4, 3), "W_hh": (4, 4, 4)}
    assert list(refseq.layer("gru", 3, 4, reset="after", bias=False).shapes) == ["W_hx", "W_hh"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_results_have_the_shapes_and_the_dtype_of_the_arguments(layer, dtype, target):
    problem = example(layer, dtype)
    tensors = everything(problem, target)
    states = {name: layer.state_shape(ROWS) for name in layer.cell.state}
    expected = {"y": (STEPS, ROWS, layer.units * layer.directions), "dx": problem.x.shape}
    expected |= {f"state[{name}]": shape for name, shape in states.items()}
    expected |= {f"dstate[{name}]": shape for name, shape in states.items()}
    expected |= {f"d{name}": shape for name, shape in layer.shapes.items()}
    assert {name: value.shape for name, value in tensors.items()} == expected
    assert {value.dtype for value in tensors.values()} == {np.dtype(dtype)}
    assert all(type(value) is np.ndarray and value.flags.writeable for value in tensors.values())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_state_has_three_axes(layer):
    assert layer.state_shape(7) == (layer.layers * layer.directions, 7, layer.units)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_missing_state_is_a_zero_state(layer, target):
    problem = example(layer)
    zero = {name: np.zeros_like(value) for name, value in problem.state.items()}
    explicit = everything(problem, target, state=zero)
    for missing in (None, dict.fromkeys(zero)):
        result = everything(problem, target, state=missing)
        assert all(result[name].tobytes() == value.tobytes() for name, value in explicit.items())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_missing_cotangent_is_a_zero_cotangent(layer):
    problem = example(layer)
    dy, dstate = np.zeros_like(problem.dy), {name: np.zeros_like(v) for name, v in problem.dstate.items()}
    for missing, explicit in [
        ({"dy": None}, {"dy": dy}),
        ({"dstate": None}, {"dstate": dstate}),
        ({"dstate": problem.dstate | {"h": None}}, {"dstate": problem.dstate | {"h": dstate["h"]}}),
        ({"dy": None, "dstate": None}, {"dy": dy, "dstate": dstate}),
    ]:
        one, other = everything(problem, **missing), everything(problem, **explicit)
        assert all(one[name].tobytes() == value.tobytes() for name, value in other.items())


def test_a_layer_is_a_value():
    """Immutable, equal and of one hash when equally described, and shown with all that it is."""
    one, other = (refseq.layer("lstm", 3, 4, layers=2, bidirectional=True, bias=False) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != refseq.layer("lstm", 3, 4, layers=2, bidirectional=True)
    assert {"lstm", "3->4", "bidirectional"} <= set(str(one).split())
    assert len({str(layer) for layer in LAYERS}) == len(LAYERS)
    with pytest.raises(AttributeError):
        one.units = 5  # type: ignore[misc]


@pytest.mark.parametrize(("target", "device"), [("cpu", "thread"), ("reference", "1 thread")])
def test_a_run_says_where_it_ran(target, device):
    problem = example(LAYERS[0])
    run = problem.layer.forward(problem.params, problem.x, target=target)
    assert run.info["target"] == target
    assert device in run.info["device"]
    assert "array" not in repr(run.layer)
