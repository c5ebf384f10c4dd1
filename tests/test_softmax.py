"""Softmax and logsumexp: against rigorous balls, as adjoints over GF(2^61 - 1), in every field, at extreme entries."""

import itertools

import numba
import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

import refseq.fields.symbol  # noqa: F401 - registers sympy's numbers
from refseq import softmax
from refseq.arrays import lift, zeros
from refseq.fields.ball import precision
from refseq.fields.differential import Dual, Node, pull_back
from refseq.fields.noise import UNIT_ROUNDOFF, Rounding
from refseq.fields.residue import MODULUS, Residue
from refseq.primitives import log

E = 2  # roundoffs in exp and log1p: glibc's 1 ULP
ENTRIES = 7


def forward(a, function=softmax.softmax):
    result = zeros(a.shape, a)
    function(result, a, 0, 1)
    return result


def fill(a, dv, p, z, da, dz, dl, value):
    """Every function of the module, of the vector a and the cotangents dv."""
    softmax.softmax(p, a, 0, 1)
    softmax.log_softmax(z, a, 0, 1)
    softmax.softmax_backward(da, p, dv, 0, 1)
    softmax.log_softmax_backward(dz, z, dv, 0, 1)
    softmax.logsumexp_backward(dl, p, dv[0], 0, 1)
    value[0] = softmax.logsumexp(a)


fill_compiled = numba.njit(fill)


def everything(a, dv, function):
    results = [zeros(a.shape, a) for _ in range(5)] + [zeros((1,), a)]
    function(a, dv, *results)
    return results


def python(a, dv):
    return everything(a, dv, fill)


def compiled(a, dv):
    return everything(a, dv, fill_compiled)


SCALES = [1e-6, 1.0, 30.0, 1e4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("run", [python, compiled], ids=["python", "numba"])
@pytest.mark.parametrize("scale", SCALES)
def test_values_and_adjoints_against_balls(run, dtype, scale):
    """Bounds in roundoffs, first order with 1 % to spare; q is the relative bound of a probability (module's text).

    log_softmax = (a_j - a_m) - log1p(rest): a rounding of the first difference (d), of the last (|z|), log1p's e + 1,
    and rest's own d + n + e, of which at most 1 is left after 1/(1 + rest) times rest.
    """
    rng = np.random.default_rng(5)
    a, dv = (scale * rng.normal(size=ENTRIES)).astype(dtype), rng.normal(size=ENTRIES).astype(dtype)
    results = run(a, dv)
    u, tiny = UNIT_ROUNDOFF[dtype], float(np.finfo(dtype).tiny)
    with precision(300):
        exact_a, exact_dv = (lift(v, arb) for v in (a, dv))
        exact = python(exact_a, exact_dv)
    d = float(a.max()) - a.astype(float)
    active = np.where(d < 800, d, 0)  # beyond, the exponential is exactly 0
    q = active + ENTRIES + 2 * E + 4
    P, Z, _, _, _, L = (np.array(lift(v, float), float) for v in exact)
    L = float(L[0])
    size = np.abs(dv.astype(float))
    rest_error = float(np.sum(P * (active + ENTRIES + E)) + (E + 1) * abs(L - a.max()))
    moment = float(np.sum(P * size * (q + ENTRIES + 1)))
    bounds = [
        q * P,
        d + np.abs(Z) + rest_error,
        P * (size * (q + 2) + moment + (q + 2) * float(P @ size)),
        size + np.exp(Z) * ((d + np.abs(Z) + rest_error + E + 2) * abs(dv.sum()) + ENTRIES * size.sum()),
        (q + 2) * P * size[0],
        abs(L) + rest_error,
    ]
    for got, ball, bound in zip(results, exact, bounds, strict=True):
        assert got.dtype == dtype
        with precision(300):
            error = np.array(lift(lift(got, arb) - ball, float), float)
        assert np.all(np.abs(error) <= 1.01 * u * np.asarray(bound) + ENTRIES * tiny)


def residues(rng, n=ENTRIES):
    return lift(rng.integers(0, MODULUS, n), Residue)


def derivative(function, a, v):
    """The directional derivative of a vector's function at a along v, by dual numbers."""
    return lift(forward(np.array([Dual(x, t) for x, t in zip(a, v, strict=True)]), function), lambda y: y.tangent)


def test_softmax_backward_is_the_transposed_derivative_over_a_finite_field():
    """<w, J v> = <J^T w, v> for formal exponentials, without tolerance."""
    rng = np.random.default_rng(8)
    a, v, w = residues(rng), residues(rng), residues(rng)
    pulled = zeros(a.shape, a)
    softmax.softmax_backward(pulled, forward(a), w, 0, 1)
    assert sum(w * derivative(softmax.softmax, a, v), Residue(0)) == sum(pulled * v, Residue(0)) != 0


def test_log_softmax_backward_is_the_transposed_derivative_over_a_finite_field():
    """exp(log p) = p holds for the field's formal logarithms of p itself: the adjoint is given those."""
    rng = np.random.default_rng(8)
    a, v, w = residues(rng), residues(rng), residues(rng)
    pulled = zeros(a.shape, a)
    softmax.log_softmax_backward(pulled, lift(forward(a), log), w, 0, 1)
    assert sum(w * derivative(softmax.log_softmax, a, v), Residue(0)) == sum(pulled * v, Residue(0)) != 0


def test_the_adjoint_of_logsumexp_over_a_finite_field():
    rng = np.random.default_rng(9)
    a, v, w = residues(rng), residues(rng), residues(rng, 1)[0]
    tangent = softmax.logsumexp(np.array([Dual(x, t) for x, t in zip(a, v, strict=True)])).tangent
    pulled = zeros(a.shape, a)
    softmax.logsumexp_backward(pulled, forward(a), w, 0, 1)
    assert w * tangent == sum(pulled * v, Residue(0)) != 0


def test_the_adjoint_of_log_softmax_by_reverse_mode_over_balls():
    rng = np.random.default_rng(10)
    a, w = rng.normal(size=ENTRIES), rng.normal(size=ENTRIES)
    with precision(200):
        tape: list[Node] = []
        leaves = lift(a, lambda x: Node(tape, arb(x)))
        z = forward(leaves, softmax.log_softmax)
        slopes = pull_back(tape, [(node, arb(c)) for node, c in zip(z, w.tolist(), strict=True)])
        pulled = np.array([arb(0)] * ENTRIES)
        softmax.log_softmax_backward(pulled, lift(z, lambda node: node.value), lift(w, arb), 0, 1)
        for leaf, mine in zip(leaves, pulled, strict=True):
            assert mine.overlaps(slopes[leaf.index])
            assert mine.rad() < 1e-50


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_step(dtype):
    """Im f(a + ihv)/h is the derivative; compiled (in double precision) and not."""
    rng = np.random.default_rng(11)
    a, v, h = rng.normal(size=ENTRIES), rng.normal(size=ENTRIES), 1e-20
    real, stepped = np.zeros(1, dtype).real.dtype, (a + 1j * h * v).astype(dtype)
    dv = v.astype(dtype)
    for run in (python, compiled) if dtype == "complex128" else (python,):
        p, z, _, _, _, value = run(stepped, dv)
        exact, exact_z, da, _, slope, _ = python(a.astype(real), v.astype(real))
        close = {"rtol": 64 * np.finfo(dtype).eps, "atol": 16 * np.finfo(dtype).eps}
        np.testing.assert_allclose(p.real, exact, **close)
        np.testing.assert_allclose(z.real, exact_z, **close)
        np.testing.assert_allclose(p.imag / h, da, **close)
        np.testing.assert_allclose(value.imag / h, slope @ v.astype(real) / v[0], **close)


def test_symbols_and_noise():
    x = sympy.symbols("x:3", real=True)
    p = forward(np.array(x))
    assert sympy.simplify(sum(p) - 1) == 0
    assert sympy.simplify(p[1] - sympy.exp(x[1]) / sum(map(sympy.exp, x))) == 0
    rounding = Rounding(2.0**-24, 50, 3)
    a = np.array([0.3, -2.0, 90.0, 89.0])
    noisy = forward(lift(a, rounding.number))
    np.testing.assert_allclose([n.samples.mean() for n in noisy], forward(a), rtol=1e-4, atol=0)


EXTREMES = st.lists(st.sampled_from([-1e4, -88.0, -1.0, 0.0, 1e-30, 1.0, 88.0, 1e4]) | st.floats(-1e4, 1e4, width=32))


@given(a=EXTREMES.filter(len), shift=st.integers(-1000, 1000), dtype=st.sampled_from(["float32", "float64"]))
def test_softmax_is_a_distribution_that_no_shift_changes(a, shift, dtype):
    """Entries are rounded to 1/64, so that adding an integer below 1000 to entries below 1e4 is exact in float32."""
    a = (np.round(np.array(a) * 64) / 64).astype(dtype)
    p, z, da, _, _, value = compiled(a, np.linspace(1, 2, len(a)).astype(dtype))
    u, n = UNIT_ROUNDOFF[dtype], len(a)
    assert np.all(np.isfinite(z))
    assert np.isfinite(value[0])
    assert np.all(p >= 0)
    assert abs(p.astype(float).sum() - 1) <= (2 * n + 2 * E + 4) * u  # d p <= 1/e for the others together
    assert abs(da.astype(float).sum()) <= 4 * (2 * n + 2 * E + 8) * u  # |dp| <= 2
    assert np.all(z <= 0)
    moved = (a + a.dtype.type(shift)).astype(dtype)
    if np.array_equal(moved.astype(float) - shift, a.astype(float)):
        assert compiled(moved, np.ones_like(a))[0].tobytes() == p.tobytes()
        assert compiled(moved, np.ones_like(a))[1].tobytes() == z.tobytes()


def test_a_dominant_entry_leaves_the_others_their_relative_accuracy():
    """-log p of the largest of (40, 0): log1p(e^-40), which 1 + e^-40 = 1 would make 0."""
    z = forward(np.array([40.0, 0.0]), softmax.log_softmax)
    assert z[0] == -np.exp(-40.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinite_entries_and_nan(dtype):
    def run(*a):
        return compiled(np.array(a, dtype), np.ones(len(a), dtype))[0]

    assert run(-np.inf, 0.0, 0.0).tolist() == [0.0, 0.5, 0.5]
    for bad in ([np.nan, 0.0], [0.0, np.nan]):
        assert np.isnan(run(*bad)).all()
    assert np.isnan(run(-np.inf, -np.inf)).all()
    assert np.isnan(run(np.inf, 0.0)).any()


@pytest.mark.parametrize("lanes", [2, 3, 9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lanes_one_after_another_equal_one_lane(dtype, lanes):
    rng = np.random.default_rng(12)
    a, p, dp = (rng.normal(size=ENTRIES).astype(dtype) for _ in range(3))
    functions = {
        softmax.softmax: (a,),
        softmax.log_softmax: (a,),
        softmax.softmax_backward: (p, dp),
        softmax.log_softmax_backward: (p, dp),
        softmax.logsumexp_backward: (p, dp[0]),
    }
    for function, given_arrays in functions.items():
        alone = np.ones_like(a)
        function(alone, *given_arrays, 0, 1)
        for order in itertools.islice(itertools.permutations(range(lanes)), 3):
            shared = np.ones_like(a)
            for lane in order:
                function(shared, *given_arrays, lane, lanes)
            assert shared.tobytes() == alone.tobytes()
