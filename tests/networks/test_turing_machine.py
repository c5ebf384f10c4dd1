"""The neural Turing machine as a whole: against torch, by hand, its symmetries, rows and threads."""

import pickle

import numba
import numpy as np
import pytest

import refseq
from refseq.checks.structures.turing_machines import machine_problem
from tests.conftest import framework

MACHINES = [refseq.turing_machine(2, 3, 5, 6, 4), refseq.turing_machine(2, 3, 4, 7, 3, reads=2, writes=2, shift=2)]
LSTM = refseq.turing_machine(2, 3, 4, 7, 3, controller="lstm", reads=2, writes=2, shift=2)
LENGTHS = np.array([5, 0, 3])
T, B = 5, 3


def problem(machine, dtype="float64", seed=0):
    """Parameters, x, state, cotangents of y and of the last state."""
    rng = np.random.default_rng(seed)
    params = {name: (0.6 * rng.normal(size=shape)).astype(dtype) for name, shape in machine.shapes.items()}
    shapes = {name: machine.state_shape(B, name) for name in machine.states}
    state, dstate = ({name: rng.normal(size=s).astype(dtype) for name, s in shapes.items()} for _ in range(2))
    share = np.exp(state["weights"])
    state["weights"] = (share / share.sum(axis=2, keepdims=True)).astype(dtype)
    x = rng.normal(size=(T, B, machine.inputs)).astype(dtype)
    return params, x, state, rng.normal(size=(T, B, machine.outputs)).astype(dtype), dstate


def everything(machine, given, lengths=LENGTHS, target="cpu"):
    params, x, state, dy, dstate = given
    run = machine.forward(params, x, state, lengths, target)
    grads = machine.backward(run, dy, dstate)
    return {"y": run.y, **run.state, "dx": grads.x} | {f"d{n}": v for n, v in (grads.params | grads.state).items()}


def close(got, want, **bounds):
    assert got.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, err_msg=name, **bounds)


@pytest.mark.parametrize(
    ("machine", "target"),
    [*((machine, target) for machine in MACHINES for target in ("reference", "cpu")), (LSTM, "reference")],
    ids=str,
)
def test_values_and_gradients_are_those_of_autograd(machine, target):
    framework("torch")
    from tests.networks import turing_torch

    params, x, state, dy, dstate = given = problem(machine)
    got = everything(machine, given, target=target)
    close(got, turing_torch.everything(machine, params, x, state, LENGTHS, dy, dstate), rtol=1e-9, atol=1e-11)


def copying(bits, locations):
    """A machine that stores while told to, one location after another, and then recalls: location addressing alone."""
    machine = refseq.turing_machine(bits + 2, bits, bits + 2, locations, bits)
    params = {name: np.zeros(shape) for name, shape in machine.shapes.items()}
    store, recall, large, field = bits, bits + 1, 40.0, machine.fields
    params["W_hx"][0, :, : bits + 2] = large * np.eye(bits + 2)
    for kind, moves, stays in (("write", store, recall), ("read", recall, store)):
        W, b = params[f"W_{kind}"][0], params[f"b_{kind}"][0]
        W[field["shift"].start + 2, moves] = W[field["shift"].start + 1, stays] = large
        b[field["gate"]], b[field["sharpen"]] = -large, large
    W, b = params["W_write"][0], params["b_write"][0]
    b[field["erase"]], W[field["erase"], store] = -large, 2 * large
    W[field["add"], :bits] = large * np.eye(bits)
    params["W_yr"][0] = np.eye(bits)
    return machine, params


def test_a_copy_by_hand():
    """Exact up to saturation: every gate is within exp(-40) of 0 or 1."""
    bits, length = 4, 6
    machine, params = copying(bits, length + 2)
    songs = np.random.default_rng(0).choice([-1.0, 1.0], (length, 3, bits))
    x = np.zeros((2 * length, 3, bits + 2))
    x[:length, :, :bits], x[:length, :, bits], x[length:, :, bits + 1] = songs, 1, 1
    run = machine.forward(params, x)
    np.testing.assert_allclose(run.y[length:], songs, atol=1e-15)
    np.testing.assert_allclose(run.state["memory"][:, 1 : length + 1], songs.transpose(1, 0, 2), atol=1e-15)
    np.testing.assert_array_equal(
        run.weights[length:, :, 0].argmax(axis=2), np.tile(np.arange(1, length + 1)[:, None], 3)
    )


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_weights_are_distributions(machine):
    run = machine.forward(*problem(machine)[:3])
    assert (run.weights >= 0).all()
    np.testing.assert_allclose(run.weights.sum(axis=3), 1, rtol=1e-14)


def moved(state, order):
    return state | {"memory": state["memory"][:, order], "weights": state["weights"][:, :, order]}


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_turned_memory_turns_the_weights(machine):
    params, x, state, dy, dstate = problem(machine)
    order = np.roll(np.arange(machine.locations), 2)
    want = everything(machine, (params, x, state, dy, dstate))
    got = everything(machine, (params, x, moved(state, order), dy, moved(dstate, order)))
    for name in ("memory", "dmemory"):
        want[name] = want[name][:, order]
    for name in ("weights", "dweights"):
        want[name] = want[name][:, :, order]
    close(got, want, rtol=1e-9, atol=1e-11)


def test_without_shifts_locations_have_no_order():
    machine = refseq.turing_machine(2, 3, 5, 6, 4, shift=0)
    params, x, state, _, _ = problem(machine)
    order = np.array([3, 0, 5, 1, 4, 2])
    plain, permuted = machine.forward(params, x, state), machine.forward(params, x, moved(state, order))
    np.testing.assert_allclose(permuted.y, plain.y, rtol=1e-12)
    np.testing.assert_allclose(permuted.weights, plain.weights[..., order], rtol=1e-11)


@pytest.mark.slow
def test_an_lstm_on_the_cpu():
    given = problem(LSTM)
    close(everything(LSTM, given), everything(LSTM, given, target="reference"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_row_is_by_itself(machine):
    """Padding is not read, NaN stays in its row, lengths of 0 are legal, and no bit depends on the others."""
    params, x, state, dy, dstate = problem(machine)
    want = everything(machine, (params, x, state, dy, dstate))
    spoiled, dspoiled = x.copy(), dy.copy()
    for row, length in enumerate(LENGTHS):
        spoiled[length:, row], dspoiled[length:, row] = np.nan, np.nan
    got = everything(machine, (params, spoiled, state, dspoiled, dstate))
    for name, value in want.items():
        assert got[name].tobytes() == value.tobytes(), name
    assert not want["y"][3:, 2].any()
    spoiled[:, 2] = np.nan
    with np.errstate(invalid="ignore"):
        got = everything(machine, (params, spoiled, state, dy, dstate))
    for name in ("y", "dx"):
        assert got[name][:, :2].tobytes() == want[name][:, :2].tobytes()
    np.testing.assert_array_equal(want["memory"][1], state["memory"][1])
    np.testing.assert_array_equal(want["dmemory"][1], dstate["memory"][1])


def test_threads_change_no_bit():
    machine = MACHINES[0]
    given = problem(machine)
    many = tuple({n: np.repeat(v, 9, 0) for n, v in part.items()} for part in (given[2], given[4]))
    x, dy = (np.repeat(np.repeat(array, 9, 1), 20, 0) for array in (given[1], given[3]))
    large = (given[0], x, many[0], dy, many[1])
    want, before = everything(machine, large, None), numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        got = everything(machine, large, None)
    finally:
        numba.set_num_threads(before)
    for name, value in want.items():
        assert got[name].tobytes() == value.tobytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("machine", [*MACHINES, LSTM], ids=str)
def test_single_precision(machine):
    single = everything(machine, problem(machine, "float32"))
    assert {value.dtype for value in single.values()} == {np.dtype("float32")}
    double = everything(machine, problem(machine))
    close(single, double, rtol=2e-3, atol=2e-4)


def test_no_steps_and_no_rows():
    machine = MACHINES[1]
    params, x, state, _, _ = problem(machine)
    run = machine.forward(params, x[:0], state)
    assert run.y.shape == (0, B, 3)
    np.testing.assert_array_equal(run.state["memory"], state["memory"])
    grads = machine.backward(run)
    assert not any(value.any() for value in grads.params.values())
    run = machine.forward(params, x[:, :0])
    assert machine.backward(run).x.shape == (T, 0, 2)


def test_arguments_stay_as_they_are():
    machine = MACHINES[1]
    given = problem(machine)
    before = [a.copy() if isinstance(a, np.ndarray) else {n: v.copy() for n, v in a.items()} for a in given]
    everything(machine, given)
    for a, b in zip(given, before, strict=True):
        for name in b if isinstance(b, dict) else [...]:
            np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize("machine", [*MACHINES, LSTM], ids=str)
def test_a_machine_is_pickled(machine):
    assert machine.part.cell is machine.cell
    again = pickle.loads(pickle.dumps(machine))
    assert again == machine
    assert again.cell is machine.cell


def test_the_sequence_in_two_pieces():
    machine = MACHINES[1]
    params, x, state, _, _ = problem(machine)
    whole, first = machine.forward(params, x, state), machine.forward(params, x[:2], state)
    second = machine.forward(params, x[2:], first.state)
    np.testing.assert_array_equal(np.concatenate([first.y, second.y]), whole.y)


def test_gradients_by_differences():
    """Once without torch."""
    posed = machine_problem(MACHINES[0], steps=2)
    loss = lambda values: sum(  # noqa: E731
        (posed.cotangents[n] * v).sum() for n, v in posed.function.forward(values, {}, "cpu")[0].items()
    )
    _, record = posed.function.forward(posed.values, {}, "cpu")
    grads, rng = posed.function.backward(record, posed.cotangents), np.random.default_rng(0)
    for name, value in posed.values.items():
        v = rng.normal(size=value.shape)
        up, down = (loss({**posed.values, name: value + step * v}) for step in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx((grads[f"d{name}"] * v).sum(), rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shift": 3}, "shift: expected at most 2 for 6 locations, got 3"),
        ({"controller": "gru"}, "controller: expected one of feedforward, lstm; got 'gru'"),
        ({"reads": 0}, "reads: expected at least 1, got 0"),
        ({"epsilon": 0.0}, "epsilon: expected 0 < epsilon <= 1, got 0.0"),
    ],
)
def test_wrong_options(change, message):
    with pytest.raises(ValueError, match=message):
        refseq.turing_machine(2, 3, 5, 6, 4, **change)


def test_wrong_arguments():
    machine = MACHINES[0]
    params, x, state, _, _ = problem(machine)
    with pytest.raises(ValueError, match=r"state\['weights'\]: expected numbers >= 0"):
        machine.forward(params, x, state | {"weights": -state["weights"]})
    with pytest.raises(
        ValueError, match=r"state\['weights'\]: expected a sum above 0, got nothing but 0 in row 0, head 0"
    ):
        machine.forward(params, x, state | {"weights": 0 * state["weights"]})
    with pytest.raises(ValueError, match=r"x: expected shape \(T, B, 2\)"):
        machine.forward(params, x[0])
    with pytest.raises(ValueError, match=r"run: expected a run of turing machine"):
        MACHINES[1].backward(machine.forward(params, x))
