"""The lectures' worked examples on refseq's layers. A test's docstring names the claim by the id that
``Source.lectures`` uses. Exact unless a bound is derived."""

import numpy as np
import pytest

import refseq
from tests.by_hand import drawn, filled, per_gate, run, sequence


def test_two_linear_units():
    """L1.2: all weights 1, no bias: (1,1), (1,1), (2,2) gives (4,4), (12,12), (32,32). L1.3: the same input, another
    output; and the gradient of the last outputs' sum in x_t is 2 (2^(T-t)) 2."""
    hidden, last = refseq.layer("elman", 2, 2, activation="identity"), refseq.layer("output", 2, 2)
    h, _, pull = run(hidden, filled(hidden, W_hx=1, W_hh=1), sequence((1, 1), (1, 1), (2, 2)))
    y, _, up = run(last, filled(last, W_yh=1), h)
    assert y[:, 0].tolist() == [[4, 4], [12, 12], [32, 32]]
    dy = np.zeros_like(y)
    dy[-1] = 1
    assert pull(up(dy)["x"])["x"][:, 0].tolist() == [[16, 16], [8, 8], [4, 4]]


def test_the_order_of_the_inputs_matters():
    """L1.3: the same inputs in another order give other outputs."""
    layer = refseq.layer("elman", 2, 2, activation="identity")
    params = filled(layer, W_hx=1, W_hh=1)
    forwards, backwards = (run(layer, params, sequence(*s))[0] for s in [((1, 1), (2, 2)), ((2, 2), (1, 1))])
    assert forwards[-1, 0].tolist() == [8, 8]
    assert backwards[-1, 0].tolist() == [10, 10]


def test_arrive_taipei_and_leave_taipei():
    """L1.1: a feed-forward layer gives Taipei the same output after both words, a recurrent one need not."""
    words = {"arrive": (1, 0, 0), "leave": (0, 1, 0), "Taipei": (0, 0, 1)}
    sentences = [sequence(words[first], words["Taipei"]) for first in ("arrive", "leave")]
    ahead, recurrent = refseq.layer("output", 3, 4, activation="sigmoid"), refseq.layer("elman", 3, 4)
    same = [run(ahead, drawn(ahead, 0), sentence)[0][-1] for sentence in sentences]
    other = [run(recurrent, drawn(recurrent, 0), sentence)[0][-1] for sentence in sentences]
    assert np.array_equal(*same)
    assert not np.any(other[0] == other[1])


TABLES = {  # x1, x2, x3, y, and the memory after every step
    "short": ([3, 4, 2, 1, 3], [1, 1, 0, 0, -1], [0, 0, 0, 1, 0], [0, 0, 0, 7, 0], [3, 7, 7, 7, 0]),
    "long": (
        [1, 3, 2, 4, 2, 1, 3, 6, 1],
        [0, 1, 0, 1, 0, 0, -1, 1, 0],
        [0, 0, 0, 0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 7, 0, 0, 6],
        [0, 3, 3, 7, 7, 7, 0, 6, 6],
    ),
}


def hand_set(x1, x2, x3, sharpness):
    """Outputs and memories of the LSTM whose gates are set by hand: input 100 x2 - 10, forget 100 x2 + 10, output
    100 x3 - 10, times ``sharpness``; linear candidate x1 and linear output. The memory after t steps is the final state
    of the same sequence with length t."""
    layer = refseq.layer("lstm", 3, 1, cell_activation="identity", hidden_activation="identity")
    gates = sharpness * np.array([[0, 100, 0], [0, 100, 0], [1 / sharpness, 0, 0], [0, 0, 100]])
    params = filled(layer, W_hx=gates[:, None, :], b_h=sharpness * per_gate(layer, i=-10, f=10, o=-10))
    x = np.repeat(np.array([x1, x2, x3], float).T[:, None], len(x1), axis=1)
    y, state, _ = run(layer, params, x, lengths=np.arange(1, len(x1) + 1))
    return y[:, -1, 0], state["c"][0, :, 0]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_memory_worked_by_hand(table):
    """L1.7: x2 = 1 adds x1 to the memory, x2 = -1 resets it, x3 = 1 puts it out.

    The lecture's gates miss 0 and 1 by delta = sigmoid(-10) at most, so the memory by delta (|c_{t-1}| + |x1|) more
    than before at every step and y by delta |c_t| more than the memory; together less than 1e-4 of the largest memory.
    Gates a hundred times as sharp are exactly 0 and 1, and the table exactly the printed one.
    """
    *x, printed, memory = table
    y, c = hand_set(*x, 1)
    delta, error, before = 1 / (1 + np.exp(10.0)), 0.0, 0.0
    for t, (exact, number) in enumerate(zip(memory, x[0], strict=True)):
        error += delta * (abs(before) + error + abs(number))
        before = exact
        assert abs(c[t] - exact) <= error
        assert abs(y[t] - printed[t]) <= min(error + delta * (exact + error), 1e-4 * max(memory))
    y, c = hand_set(*x, 100)
    assert y.tolist() == printed
    assert c.tolist() == memory


@pytest.mark.parametrize(("w", "about"), [(1.0, 1), (1.01, 20732.6), (0.99, 4.36e-5), (0.01, 0)])
def test_one_linear_unit_over_a_thousand_steps(w, about):
    """L1.14: y^1000 = w^999, and its gradient in w is 999 w^998.

    Every power is a product of at most 999 factors and the gradient a sum of 999 terms, all of one sign: no more than
    2000 roundings, of a relative 2^-53 each. (Python's power: two more.) What is below the range of floats is 0.
    """
    layer = refseq.layer("elman", 1, 1, activation="identity")
    x = np.zeros((1000, 1, 1))
    x[0] = 1
    y, _, pull = run(layer, filled(layer, W_hx=1, W_hh=w), x)
    gradient = pull(h=np.ones((1, 1, 1)))["W_hh"].item()
    bound = 2002 * 2.0**-53
    assert abs(y[-1].item() - w**999) <= bound * w**999
    assert abs(gradient - 999 * w**998) <= bound * 999 * w**998
    assert y[-1].item() == pytest.approx(about, rel=1e-2)


def numbers(name, **options):
    """How many parameters a layer has."""
    return sum(int(np.prod(shape)) for shape in refseq.layer(name, 5, 7, **options).shapes.values())


def test_the_number_of_parameters():
    """L1.8: an LSTM has 4 times those of a simple layer. L1.11: a GRU, with 2 gates, 3/4 of an LSTM's; and an LSTM with
    coupled gates as many (L4.14)."""
    assert numbers("lstm") == 4 * numbers("elman")
    assert 4 * numbers("gru") == 3 * numbers("lstm")
    assert numbers("lstm_coupled") == numbers("gru")
    assert numbers("gru", reset="after") == numbers("gru") + 7  # one bias more, inside the reset product
