"""What the lectures state of single cells, on refseq's layers. A test's docstring names the claim by the id that
``Source.lectures`` uses. Exact: numbers are chosen so that nothing is rounded, unless a bound is derived."""

import numpy as np

import refseq
from tests.by_hand import drawn, filled, per_gate, run

QUARTER = 0.25
OPEN, SHUT = 1000.0, -1000.0  # biases of gates that are exactly 1 and 0


def test_a_skip_carries_over_d_steps():
    """L4.7: with W_hd alone, what happens at t reaches t + d, t + 2d, ... and nothing between."""
    layer = refseq.layer("skip", 3, 4, delay=3)
    y, _, pull = run(layer, drawn(layer, 1, W_hh=0), np.random.default_rng(2).normal(size=(8, 1, 3)))
    dy = np.zeros_like(y)
    dy[7] = 1
    reached = pull(dy)["x"].any(axis=(1, 2))
    assert reached.tolist() == [(7 - t) % 3 == 0 for t in range(8)]


def test_an_additive_unit_passes_gradients_unchanged_and_is_linear_in_its_state():
    """L4.8: W = I, f' = 1: dh_T/dh_0 = I, however long; the state's nonlinearity is lost: a shift of h_0 shifts h_T.
    A power of two is added, to numbers that are multiples of 2^-20: exact."""
    layer = refseq.layer("additive", 3, 4, activation="relu")
    coarse = {name: np.round(value * 2**10) / 2**10 for name, value in drawn(layer, 3).items()}
    x = np.round(np.random.default_rng(4).normal(size=(50, 2, 3)) * 2**10) / 2**10
    _, low, pull = run(layer, coarse, x)
    _, high, _ = run(layer, coarse, x, {"h": np.full((1, 2, 4), 8.0)})
    assert np.array_equal(high["h"], low["h"] + 8)
    dh = np.random.default_rng(5).normal(size=(1, 2, 4))
    assert np.array_equal(pull(h=dh)["h"], dh)


def test_a_leaky_unit_forgets_by_its_mu():
    """L4.9: without W_hh, dh_T/dh_0 = mu^T: mu near 1 remembers, near 0 forgets (powers of two: exact)."""
    for mu, left in ((1.0, 1.0), (0.5, 2.0**-20), (2.0**-10, 2.0**-200), (0.0, 0.0)):
        layer = refseq.layer("leaky", 3, 4, mu=mu)
        _, _, pull = run(layer, drawn(layer, 6, W_hh=0), np.random.default_rng(7).normal(size=(20, 2, 3)))
        assert np.all(pull(h=np.ones((1, 2, 4)))["h"] == left)


def test_a_leaky_unit_saturates_and_an_additive_one_does_not():
    """L4.9: what a leaky unit accumulates stays between its state and f's limits; an additive unit's memory grows with
    every step (f = relu of a bias of 1/4: exact)."""
    x = np.zeros((400, 1, 1))
    adds, leaks = refseq.layer("additive", 1, 1, activation="relu"), refseq.layer("leaky", 1, 1, activation="relu")
    assert run(adds, filled(adds, b_h=QUARTER), x)[1]["h"].item() == 400 * QUARTER
    assert run(leaks, filled(leaks, b_h=QUARTER), x)[1]["h"].item() == QUARTER


def gated(name, seed=8, steps=6, state=None, params=None, **gates):
    """A layer with random weights whose gates stand where these biases put them: x, y, final state, pull, params."""
    layer = refseq.layer(name, 3, 4)
    given = drawn(layer, seed, b_h=np.broadcast_to(per_gate(layer, **gates), layer.shapes["b_h"])) | (params or {})
    x = np.random.default_rng(seed + 1).normal(size=(steps, 2, 3))
    y, final, pull = run(layer, given, x, state)
    return x, y, final, pull, given


def test_the_four_corners_of_a_gru():
    """L4.10, L2.4: z = 0: h_t is only the candidate, without a linear part of h_{t-1}; with r = 1 the simple RNN, with
    r = 0 a feed-forward layer, h_t = tanh(W x_t + b); z = 1 copies h_{t-1} whatever x_t. (The gradients of all of them:
    tests/cells/test_degenerate.py.)"""
    before = {"h": np.random.default_rng(9).normal(size=(1, 2, 4))}
    x, y, _, _, params = gated("gru", state=before, z=SHUT, r=OPEN)
    simple = refseq.layer("elman", 3, 4)
    candidate = {name: params[name][2:] for name in simple.shapes}
    assert np.array_equal(y, run(simple, candidate, x, before)[0])
    x, y, _, pull, params = gated("gru", state=before, z=SHUT, r=SHUT)
    ahead = refseq.layer("output", 3, 4, activation="tanh")
    assert np.array_equal(y, run(ahead, {"W_yh": params["W_hx"][2:], "b_y": params["b_h"][2:]}, x)[0])
    assert not pull(np.ones_like(y))["h"].any()
    _, y, _, pull, _ = gated("gru", state=before, z=OPEN)
    assert np.all(y == before["h"])
    assert not pull(np.ones_like(y))["x"].any()


def test_the_corners_of_an_lstm():
    """L4.12: f = 0, i = 1 clears the memory and writes the candidate; f = 1, i = 0 copies it and writes nothing."""
    rng = np.random.default_rng(10)
    before = {"h": rng.normal(size=(1, 2, 4)), "c": rng.normal(size=(1, 2, 4))}
    _, _, final, pull, _ = gated("lstm", state=before, i=SHUT, f=OPEN)
    assert np.array_equal(final["c"], before["c"])
    dc = rng.normal(size=(1, 2, 4))
    assert np.array_equal(pull(c=dc)["c"], dc)
    x, _, final, pull, params = gated("lstm", steps=1, state=before, i=OPEN, f=SHUT)
    simple = refseq.layer("elman", 3, 4)
    candidate = {name: params[name][2:3] for name in simple.shapes}
    assert np.array_equal(final["c"], run(simple, candidate, x, {"h": before["h"]})[1]["h"])
    assert not pull(c=dc)["c"].any()


def test_what_an_output_gate_sees():
    """L4.13: with V_o = 1 and nothing else in the gate, o_t = sigmoid(c_{t-1}), or sigmoid(c_t) in other sources; i and
    f see c_{t-1}. One unit, c_0 = 0, input gate 1/2, candidate tanh(1): c_1 = tanh(1)/2; no rounding but that of
    tanh and sigmoid."""
    for sees, gate in (("old", 0.5), ("new", 1 / (1 + np.exp(-np.tanh(1.0) / 2)))):
        for peephole in ("diagonal", "full"):
            layer = refseq.layer("lstm_peephole", 1, 1, peephole=peephole, output_sees=sees)
            seen = {"W_hc": np.ones((3, 1, 1))} if peephole == "full" else {f"w_c{k}": 1 for k in "ifo"}
            params = filled(layer, b_h=per_gate(layer, g=1), **seen)
            _, final, _ = run(layer, params, np.zeros((1, 1, 1)))
            assert final["c"].item() == np.tanh(1.0) / 2
            assert abs(final["h"].item() - gate * np.tanh(np.tanh(1.0) / 2)) <= 2.0**-51


def test_peepholes_reach_every_unit_or_their_own():
    """L4.13: V_k is a matrix in the lectures: a unit's memory reaches all others; a diagonal one reaches its own."""
    for peephole, alone in (("full", False), ("diagonal", True)):
        layer = refseq.layer("lstm_peephole", 3, 4, peephole=peephole)
        params = drawn(layer, 11, W_hh=0)
        state = {"c": np.random.default_rng(12).normal(size=(1, 1, 4))}
        _, _, pull = run(layer, params, np.zeros((1, 1, 3)), state)
        jacobian = np.stack([pull(c=row.reshape(1, 1, 4))["c"][0, 0] for row in np.eye(4)])
        assert np.array_equal(jacobian != 0, np.eye(4, dtype=bool) if alone else np.ones((4, 4), bool))


def test_coupled_gates_exchange_old_for_new():
    """L4.14, and L1.11 of the GRU: i = 1 - f: the new comes only when the old goes. f = 1 copies, f = 0 replaces, and
    equal old and new values stay (f = 1/2, exact)."""
    before = {"c": np.random.default_rng(13).normal(size=(1, 2, 4))}
    assert np.array_equal(gated("lstm_coupled", state=before, f=OPEN)[2]["c"], before["c"])
    _, _, replaced, pull, _ = gated("lstm_coupled", state=before, f=SHUT, steps=1)
    assert not pull(c=np.ones((1, 2, 4)))["c"].any()
    assert np.all(np.abs(replaced["c"]) < 1)
    layer = refseq.layer("lstm_coupled", 1, 1)
    kept = run(layer, filled(layer, b_h=per_gate(layer, g=QUARTER)), np.zeros((9, 1, 1)), {"c": np.tanh([[[QUARTER]]])})
    assert kept[1]["c"].item() == np.tanh(QUARTER)


def jacobian_of_the_memory(layer, params, x, state):
    """dc_T/dc_0 (H, H) of one sequence."""
    _, _, pull = run(layer, params, x, state)
    return np.stack([pull(c=row.reshape(1, 1, -1))["c"][0, 0] for row in np.eye(layer.units)])


def test_when_an_lstm_does_not_vanish():
    """L0.9, the exact condition: the direct path from c_{t-1} to c_t is diag(f_t), and dc_T/dc_0 = diag(prod f_t) where
    the path through h is shut (W_hh = 0, or o = 0): no loss for f = 1, and a factor f_t where f_t < 1. A saturated
    forget gate alone is not enough: through h the memory changes the gates, and dc_T/dc_0 is another matrix."""
    layer = refseq.layer("lstm", 3, 4)
    rng = np.random.default_rng(14)
    x, state = rng.normal(size=(12, 1, 3)), {"c": rng.normal(size=(1, 1, 4))}
    for shut in ({"W_hh": np.zeros((4, 4, 4))}, {"b_h": per_gate(layer, f=OPEN, o=SHUT) + np.zeros((4, 4))}):
        params = drawn(layer, 15, b_h=per_gate(layer, f=OPEN) + np.zeros((4, 4))) | shut
        assert np.array_equal(jacobian_of_the_memory(layer, params, x, state), np.eye(4))
    half = drawn(layer, 15, W_hh=0)
    half["W_hx"][1], half["b_h"][1] = 0, 0  # f = 1/2 at every step
    assert np.array_equal(jacobian_of_the_memory(layer, half, x, state), np.eye(4) * 2.0**-12)
    both_ways = drawn(layer, 15, b_h=per_gate(layer, f=OPEN) + np.zeros((4, 4)))
    through_h = jacobian_of_the_memory(layer, both_ways, x, state)
    assert np.all(through_h != np.eye(4))
