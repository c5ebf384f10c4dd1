"""Rows, threads and pieces of a neural Turing machine; copies; what is refused."""

import pickle

import numba
import numpy as np
import pytest

import refseq
from tests.networks.turing_cases import LENGTHS, LSTM, MACHINES, B, T, everything, problem


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
