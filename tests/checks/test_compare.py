"""The comparison: every planted error is found, and found where it was planted."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import against_exact, block_findings, in_sigmas, ulps
from tests.examples import everything, example

LAYER = refseq.layer("lstm", 3, 4)
DEEP = refseq.layer("lstm", 2, 3, layers=2, bidirectional=True)
GRU = refseq.layer("gru", 3, 4, reset="after", bidirectional=True)


def findings(layer, tensor, spoil, dtype="float64"):
    """What is found after ``spoil`` has changed one tensor of refseq's own, right results."""
    problem = example(layer, dtype)
    values = everything(problem)[tensor]
    assert against_exact("check", problem, {tensor: values})[0] == []
    spoil(values)
    return against_exact("check", problem, {tensor: values})[0]


def scale(*index, by=1 + 1e-9):
    def spoil(values):
        values[index] *= by

    return spoil


PLACES = [
    # layer, tensor, the block that is scaled, where it must be found
    (LAYER, "dW_hx", (1,), {"gate": "f", "layer": None, "direction": None}),
    (LAYER, "dW_hh", (3, 2), {"gate": "o", "unit": 2}),
    (LAYER, "db_h", (2, 1), {"gate": "g", "unit": 1}),
    (LAYER, "state[c]", (0, 2, 1), {"row": 2, "unit": 1}),
    (LAYER, "dstate[h]", (0, 0, 3), {"row": 0, "unit": 3}),
    (LAYER, "y", (slice(2, None), 0), {"time": 2, "row": 0}),
    (LAYER, "y", (4, 0, 3), {"time": 4, "row": 0, "unit": 3}),
    (LAYER, "dx", (slice(None, 3), 0), {"time": 2, "row": 0}),
    (DEEP, "dW_hh_l1_reverse", (0,), {"gate": "i", "layer": 1, "direction": "reverse"}),
    (DEEP, "db_h", (3,), {"gate": "o", "layer": 0, "direction": "forward"}),
    (DEEP, "state[h]", (2,), {"layer": 1, "direction": "forward"}),
    (DEEP, "state[c]", (1, 3), {"layer": 0, "direction": "reverse", "row": 3}),
    (DEEP, "y", (1, 0, 4), {"time": 1, "row": 0, "layer": 1, "direction": "reverse", "unit": 1}),
    (GRU, "db_hn_reverse", (2,), {"unit": 2, "gate": None, "direction": "reverse"}),
]


@pytest.mark.parametrize(("layer", "tensor", "block", "where"), PLACES)
def test_an_error_is_found_where_it_is(layer, tensor, block, where):
    (found,) = findings(layer, tensor, scale(*block))
    assert found.tensor == tensor
    assert {name: getattr(found.place, name) for name in where} == where
    assert found.sigma > THRESHOLD
    assert str(found).startswith(f"check [{example(layer).label}] {tensor}")


def test_every_wrong_gate_is_a_finding_of_its_own():
    found = findings(LAYER, "dW_hh", lambda values: values.__imul__(1 + 1e-9))
    assert [finding.gate for finding in found] == ["i", "f", "g", "o"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tensor", ["y", "state[c]", "dW_hx", "db_h", "dx", "dstate[h]"])
def test_nan_and_infinity_are_wrong_everywhere(tensor, bad):
    def spoil(values):
        values.reshape(-1)[-1] = bad

    (found,) = findings(LAYER, tensor, spoil)
    assert found.sigma == np.inf
    assert str(bad) in found.message


@pytest.mark.parametrize("smallest", [5e-324, -5e-324, 1e-300])
@pytest.mark.parametrize("tensor", ["y", "dx"])
def test_the_padding_must_be_exactly_zero(tensor, smallest):
    def spoil(values):
        values[5, 1, 0] = smallest  # row 1 has length 0

    (found,) = findings(LAYER, tensor, spoil)
    assert (found.time, found.row) == (5, 1)
    assert found.sigma == np.inf


@pytest.mark.parametrize("tensor", ["state[h]", "dstate[c]"])
def test_a_row_of_length_zero_must_be_bitwise_right(tensor):
    def spoil(values):
        values[0, 1, 0] = np.nextafter(values[0, 1, 0], 9)

    (found,) = findings(LAYER, tensor, spoil)
    assert (found.row, found.place.unit) == (1, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("factor", "seen"), [(8, False), (24, True)])
def test_the_threshold_is_sixteen_sigma(dtype, factor, seen):
    problem = example(LAYER, dtype)

    def spoil(values):
        values[2, 1, 1] += factor * sigma(problem)["dW_hx"][2, 1, 1]

    assert bool(findings(LAYER, "dW_hx", spoil, dtype)) == seen


def test_the_message_tells_what_came_and_since_when():
    (found,) = findings(LAYER, "y", scale(slice(3, None), slice(None), by=2.0))
    assert "none before t = 3" in found.message
    assert "entries wrong" in found.message
    assert f"expected {found.expected:.17g}, got {found.actual:.17g}" in found.message
    assert found.actual == pytest.approx(2 * found.expected)
    (found,) = findings(LAYER, "dx", scale(slice(None, 2), slice(None), by=2.0))
    assert "none after t = 1" in found.message


def test_a_size_that_is_not_a_number_is_too_large():
    problem = example(LAYER)
    values = everything(problem)["db_h"]
    size = np.zeros(values.shape)
    size[1, 2] = np.nan
    (found,) = block_findings("check", problem, "db_h", values, values, size, size)
    assert (found.gate, found.place.unit) == ("f", 2)


def test_the_worst_entry_is_reported_even_when_all_is_well():
    problem = example(LAYER)
    tensors = everything(problem)
    found, worst = against_exact("check", problem, tensors)
    assert found == []
    assert [entry.place.tensor for entry in worst] == list(tensors)
    assert all(0 <= entry.sigma < THRESHOLD and entry.ulp >= 0 for entry in worst)
    assert all(entry.condition >= 1 for entry in worst if entry.sigma)


def test_in_sigmas_and_in_ulps():
    error, spread = np.array([0.0, 0.0, 1.0, 6.0, np.inf]), np.array([0.0, 1.0, 0.0, 2.0, 1.0])
    assert in_sigmas(error, spread).tolist() == [0.0, 0.0, np.inf, 3.0, np.inf]
    assert ulps(np.array([2.0**-52, 2.0**-23]), np.array([1.0, -1.5]), "float64").tolist() == [1.0, 2.0**29]
    assert ulps(np.array([2.0**-23]), np.array([1.0]), "float32").tolist() == [1.0]
