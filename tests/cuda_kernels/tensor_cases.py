"""Recurrent products on tensor cores: layers with operands in tf32 and bf16.

The truth of a layer is the target "reference" in double precision, whose recurrent weights are numbers that round
themselves and what they are multiplied with: forward and backward then are what the kernels should compute, but for
sums in float32. Problems are drawn until no operand is so close to the middle between two neighbours that an error of a
sum could turn its rounding. test_target.py runs this file in a process of its own, in the simulator or on a device.
"""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from cuda_kernels import (
    columns,
    fragments,
    gpu,
    resident,
    room,
    rounding,
    tensor_cores,
    tensor_products,
    tiers,
)
from cuda_kernels.bench.checks import judged
from refseq.arrays import lift
from refseq.bench.judge import relative
from refseq.checks.problem import draw
from tests.cuda_kernels.cuda_cases import Solved, assert_bitwise
from tests.variants import label, layer

simulated = pytest.mark.skipif(not gpu.SIMULATOR, reason="about the simulator")
every_precision = pytest.mark.parametrize("precision", tensor_cores.PRECISIONS)
NEAR = 2.0**-21
"""How close, relative to it, an operand may be to the middle between two neighbours."""


class Rounding:
    """A weight that is rounded, and rounds what it is multiplied with."""

    close = False

    def __init__(self, weight, precision):
        self.precision = precision
        self.weight = self.rounded(weight)

    def rounded(self, x):
        return float(rounding.rounded(np.float32(x), self.precision))

    def __mul__(self, x):
        if self.rounded(x * (1 - NEAR)) != self.rounded(x * (1 + NEAR)):
            Rounding.close = True
        return self.weight * self.rounded(x)

    __rmul__ = __mul__


def recurrent_names(cell):
    return {str(product.matrix) for number in range(len(cell.stages)) for product in columns.recurrent(cell, number)}


def truth(given, precision=None):
    """Outputs and gradients in double precision; with a precision, of operands that are rounded to it."""
    fields = {
        name: {key: lift(array, float) for key, array in getattr(given, name).items()}
        for name in ("params", "state", "dstate", "masks")
    }
    names = recurrent_names(given.layer.cell) if precision else ()
    for key, array in given.params.items():
        if any(key.startswith(name) for name in names):
            fields["params"][key] = lift(array, lambda weight: Rounding(weight, precision))
    wide = replace(given, **fields, x=lift(given.x, float), dy=lift(given.dy, float))
    return {name: found.astype(float) for name, found in Solved(wide, "reference").tensors.items()}


def problem(cell, units, precision, steps, rows, **more):
    """A problem without operands close to the middle, and its truth."""
    for seed in range(200):
        given = draw(layer(cell, 2, units, **more), "float32", steps, rows, seed=seed)
        Rounding.close = False
        want = truth(given, precision)
        if not Rounding.close:
            return given, want
    raise AssertionError("no such problem")


def solved(given, precision, tier=None, **more):
    with tiers.using(tier, precision):
        return Solved(given, "cuda", **more)


def agrees(got, want, terms):
    """Whether every result is within the errors of float32 sums, 16 eps sqrt(terms) of its largest entry."""
    return not judged("", "float32", "", got, want, terms).trouble


FEW = [
    (("elman", {}), 5, 2, 9),
    (("elman", {}), 35, 2, 2),
    (("lstm", {}), 5, 3, 3),
    (("gru", {}), 9, 2, 3),
    (("gru", {"reset": "after"}), 4, 2, 3),
    (("leaky", {"learn": "layer"}), 17, 2, 1),
    (("skip", {"delay": 3}), 3, 4, 2),
    (("lstm_peephole_coupled", {"peephole": "full"}), 3, 2, 3),
]
"""Cells, units that are no multiples of 8 and 16, steps, and rows of one group and of two; lengths of all kinds."""


@every_precision
@pytest.mark.parametrize("case", FEW, ids=lambda case: f"{label(case[0])}-{case[1]}-{case[3]}")
def test_layers(case, precision):
    cell, units, steps, rows = case
    given, want = problem(cell, units, precision, steps, rows)
    got = solved(given, precision)
    assert (got.run.info["tier"], got.run.info["precision"]) == ("resident", precision)
    assert f"as {precision}, recurrent products on tensor cores" in got.run.info["why"]
    assert agrees(got.tensors, want, steps * (units + 4))
    plain = truth(given)
    assert not agrees(plain, want, steps * (units + 4))  # the operands are rounded, and the check would see it
    for name, value in plain.items():
        error = relative(got.tensors[name].astype(float), value)
        assert error <= 16 * rounding.ROUNDOFF[precision] * steps**0.5, name


@every_precision
def test_units_shared_by_blocks(precision):
    given, want = problem(("lstm", {}), 6, precision, 2, 3, bidirectional=True)
    got = solved(given, precision, "persistent")
    assert got.run.info["tier"] == "persistent"
    assert "units shared by 2 blocks" in got.run.info["why"]
    assert agrees(got.tensors, want, 2 * 10)


@simulated
def test_several_tiles_of_a_warp(monkeypatch):
    """On a device the rule takes them where there is no room for more warps."""
    monkeypatch.setattr(room, "MOST_THREADS", 64)
    tiers.choose.cache_clear()
    given, want = problem(("elman", {}), 40, "bf16", 2, 2)
    got = solved(given, "bf16")
    tiers.choose.cache_clear()
    assert "blocks of 64 threads" in got.run.info["why"]
    assert agrees(got.tensors, want, 2 * 44)


def bounds(given, precision):
    """For an Elman network: how far outputs, and cotangents of the initial state, can be from those of exact products.

    With W' = W (1 + e), |e| <= u, and the same of what it is multiplied with, in largest norms:
        |h'_t - h_t| <= |W| ((2u + u^2) |h_(t-1)| + (1 + u)^2 |h'_(t-1) - h_(t-1)|)        as tanh' <= 1
    and backward, with da = g (1 - h^2), g = dy + W' da_(t+1):
        |da' - da| <= |g' - g| + 2 |h' - h| (|g| + |g' - g|)
        |g'_(t-1) - g_(t-1)| <= |W'| ((2u + u^2) |da_t| + (1 + u)^2 |da'_t - da_t|)
    each with 2^-18 more for the sums in float32.
    """
    u, slack = rounding.ROUNDOFF[precision], 2.0**-18
    W = np.abs(given.params["W_hh"][0].astype(float))
    along, back, both = W.sum(axis=1).max(), W.sum(axis=0).max(), (1 + u) ** 2
    off, offs = 0.0, []
    for _ in range(len(given.x)):
        off = along * (2 * u + u * u + both * off) + slack
        offs.append(off)
    wide = truth(given)
    g, g_off = np.abs(given.dstate["h"]).max() + np.abs(given.dy[-1]).max(), 0.0
    for t in reversed(range(len(given.x))):
        a, a_off = g, g_off + 2 * offs[t] * (g + g_off)
        before = np.abs(given.dy[t - 1]).max() if t else 0.0
        g, g_off = back * a + before, back * ((2 * u + u * u) * a + both * a_off) + slack
    return wide, offs, g_off


@every_precision
def test_no_further_from_exact_products_than_two_roundings_allow(precision):
    given = draw(layer(("elman", {}), 2, 12), "float32", 3, 4, padded=False, weaker=4.0)
    wide, offs, g_off = bounds(given, precision)
    got = solved(given, precision).tensors
    for t, off in enumerate(offs):
        assert np.abs(got["y"][t] - wide["y"][t]).max() <= off
    assert np.abs(got["dstate[h]"] - wide["dstate[h]"]).max() <= g_off
    assert offs[-1] < 0.1  # which says something of outputs up to 1


def hold_their_bits(given, precision, tier):
    """With checkpoints, with NaN in the padding and in another row: every bit as without."""
    want = solved(given, precision, tier).tensors
    assert_bitwise(solved(given, precision, tier, checkpoint=2).tensors, want, "float32")
    x, dy = given.x.copy(), given.dy.copy()
    for row, length in enumerate(given.counts):
        x[length:, row] = dy[length:, row] = np.nan
    x[0, 0] = np.nan
    got = solved(replace(given, x=x, dy=dy), precision, tier).tensors
    for name in ("y", "dx", "state[h]", "dstate[h]"):
        assert np.isnan(got[name][:, 0]).any(), name
        assert got[name][:, 1:].tobytes() == want[name][:, 1:].tobytes(), name


@every_precision
@pytest.mark.parametrize("tier", ["resident", "persistent"])
def test_checkpoints_padding_and_other_rows_do_not_change_a_bit(tier, precision):
    hold_their_bits(draw(layer(("gru", {}), 2, 4), "float32", 4, 5), precision, tier)


def last_rows_have_their_bits(given, rows, precision, tier=None):
    """Without the rows before them: every bit as with them."""
    want = solved(given, precision, tier).tensors
    some = slice(given.x.shape[1] - rows, None)
    part = replace(
        given,
        x=given.x[:, some],
        dy=given.dy[:, some],
        state={name: array[:, some] for name, array in given.state.items()},
        dstate={name: array[:, some] for name, array in given.dstate.items()},
    )
    got = solved(part, precision, tier).tensors
    for name in ("y", "dx", "state[h]", "dstate[h]"):
        assert got[name].tobytes() == want[name][:, some].tobytes(), name


@pytest.mark.parametrize("rows", [1, 8, 9])
def test_a_row_has_the_same_bits_in_any_batch(rows):
    last_rows_have_their_bits(draw(layer(("elman", {}), 2, 5), "float32", 2, 9, padded=False), rows, "bf16")


# ---- what must be noticed


def changed(original, change):
    """The builder of a function of fragments, whose arguments are changed."""

    def build(*given):
        made = original(*given)
        return lambda *arguments: made(*change(*arguments))

    return build


PLANTED = {
    "two rows of the vector": (
        tensor_products,
        "_operand",
        lambda x, d, n, r, v, k: (x, d, n, r ^ 1, v, k),
    ),
    "two places along k of the vector": (
        tensor_products,
        "_operand",
        lambda x, d, n, r, v, k: (x, d, n, r, v, k ^ 4),
    ),
    "two entries of the weights": (
        fragments,
        "_weight",
        lambda M, d, gate, k, j, inside: (M, d, gate, k, j ^ 1, inside and j ^ 1 < M[0].shape[3]),
    ),
    "two places along k of the weights": (
        fragments,
        "_weight",
        lambda M, d, gate, k, j, inside: (M, d, gate, k ^ 2, j, inside and k ^ 2 < M[0].shape[1]),
    ),
    "two lanes of the results": (
        tensor_products,
        "_build_store",
        lambda parts, sums, q, part, strip, g, s: (parts, sums, q, part, strip, g, s ^ 1),
    ),
}


@simulated
@every_precision
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_wrong_index_of_a_fragment_is_noticed(planted, precision, monkeypatch):
    given, want = problem(("elman", {}), 8, precision, 2, 2)
    module, name, change = PLANTED[planted]
    monkeypatch.setattr(module, name, changed(getattr(module, name), change))
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    got = solved(given, precision).tensors
    assert not relative(got["y"].astype(float), want["y"]) <= 8 * rounding.ROUNDOFF[precision]
    assert not relative(got["dstate[h]"].astype(float), want["dstate[h]"]) <= 8 * rounding.ROUNDOFF[precision]


@simulated
def test_planted_operands_that_are_cut_off_are_noticed(monkeypatch):
    given, want = problem(("elman", {}), 5, "bf16", 2, 2)
    pack = tensor_cores.pack["bf16"]

    def cut(x):
        return (np.float32(x).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)

    monkeypatch.setitem(tensor_cores.pack, "bf16", lambda low, high: pack(cut(low), cut(high)))
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    assert not agrees(solved(given, "bf16").tensors, want, 2 * 9)


# ---- who is refused


def test_nobody_is_rounded_unasked():
    given = draw(layer(("elman", {}), 2, 3), "float32", 2, 2)
    for choice in ((None, None), ("resident", None), ("resident", "float32")):
        with tiers.using(*choice):
            run = Solved(given, "cuda").run
        assert run.info["precision"] == "float32"
        assert "tensor" not in run.info["why"]


def test_other_targets_and_precisions_refuse():
    given = draw(layer(("elman", {}), 2, 3), "float32", 2, 2)
    for target in ("cpu", "reference"):
        with tiers.using(precision="bf16"), pytest.raises(ValueError, match=rf"precision: .*'bf16'.*; got '{target}'"):
            given.layer.forward(given.params, given.x, target=target)
    with tiers.using(precision="tf32"), pytest.raises(ValueError, match=r"precision: .* 'tf32' .*; got 'cpu'"):
        given.layer.bind(given.params)
    wide = draw(layer(("elman", {}), 2, 3), "float64", 2, 2)
    with pytest.raises(ValueError, match=r"precision 'bf16' cannot run elman.* of 3 units in float64: .* has float64"):
        solved(wide, "bf16")
    jordan = refseq.layer("jordan", 2, 3, outputs=2)
    with tiers.using(precision="bf16"), pytest.raises(ValueError, match=r"cannot run jordan.*vectors of other sizes"):
        jordan.forward(jordan.initialise(dtype="float32"), given.x, target="cuda")
