"""Vector operations of the Turing machine: simplex, limits, symmetries, and each adjoint against its operation."""

import numpy as np
import pytest

from refseq.arrays import lift, zeros
from refseq.fields.residue import Residue
from refseq.networks.turing_machine import circular, cosine, interpolation, storage, tempered
from refseq.networks.turing_machine.activations import softplus, softplus_slope

N, M = 7, 4
RNG = np.random.default_rng(0)
EPSILON = 2.0**-26


def weighting(N=N, rng=RNG):
    w = rng.random(N)
    return w / w.sum()


def tempered_softmax(a, factor):
    e, p = np.zeros(len(a)), np.zeros(len(a))
    tempered.powers(e, a, factor, 0, 1)
    tempered.shares(p, e, 0, 1)
    return p


def similarities(key, memory, epsilon=EPSILON):
    norms, K = np.zeros(memory.shape[1]), np.zeros(memory.shape[1])
    cosine.lengths_of_columns(norms, memory, epsilon, 0, 1)
    cosine.similarity(K, key, memory, norms, cosine.length(key, len(key), epsilon), 0, 1)
    return K


def content(key, memory, beta):
    return tempered_softmax(similarities(key, memory), beta)


def shifted(w, s):
    out = np.zeros(len(w))
    circular.convolve(out, w, s, 0, 1)
    return out


def sharpened(w, gamma):
    with np.errstate(divide="ignore"):
        return tempered_softmax(np.log(w), gamma)


def gated(new, before, g):
    out = np.zeros(len(new))
    interpolation.interpolate(out, new, before, g, 0, 1)
    return out


def written(memory, w, e, a):
    new = np.zeros(memory.shape)
    storage.write(new, memory, w, e, a, 0, 0, 1)
    return new


def test_content_weights_are_a_distribution():
    p = content(RNG.normal(size=M), RNG.normal(size=(M, N)), 3.0)
    assert (p > 0).all()
    assert p.sum() == pytest.approx(1, abs=1e-15)


def test_limits_of_the_key_strength():
    key, memory = RNG.normal(size=M), RNG.normal(size=(M, N))
    np.testing.assert_allclose(content(key, memory, 0.0), 1 / N, rtol=1e-15)
    best = np.argmax(similarities(key, memory))
    np.testing.assert_array_equal(content(key, memory, 1e6), np.eye(N)[best])


def test_similarity_knows_no_scale():
    key, memory = RNG.normal(size=M), RNG.normal(size=(M, N))
    plain = similarities(key, memory, 0.0)
    np.testing.assert_allclose(plain, key @ memory / np.linalg.norm(key) / np.linalg.norm(memory, axis=0), rtol=1e-14)
    np.testing.assert_allclose(similarities(3 * key, memory, 0.0), plain, rtol=1e-14)
    np.testing.assert_allclose(similarities(key, memory * np.arange(1, N + 1), 0.0), plain, rtol=1e-14)
    np.testing.assert_allclose(similarities(key, memory), plain, rtol=1e-6)  # epsilon / |v|^2


def test_zeros_are_similar_to_nothing_and_have_a_gradient():
    key, memory = np.zeros(M), RNG.normal(size=(M, N))
    memory[:, 2] = 0
    assert not similarities(key, memory).any()
    assert similarities(np.ones(M), memory)[2] == 0
    norms, dmemory, weights, dkey = np.zeros(N), np.zeros((M, N)), np.zeros(N), np.zeros(M)
    cosine.lengths_of_columns(norms, memory, EPSILON, 0, 1)
    K, dK = np.zeros(N), np.ones(N)
    size = cosine.length(key, M, EPSILON)
    cosine.scaled(weights, dK, norms, size, 0, 1)
    cosine.similarity_of_key_backward(dkey, weights, dK, K, key, memory, size, 0, 1)
    cosine.similarity_of_memory_backward(dmemory, weights, dK, K, key, memory, norms, 0, 1)
    assert np.isfinite(dkey).all()
    assert np.abs(dkey).max() <= N / np.sqrt(EPSILON)
    assert np.isfinite(dmemory).all()


def test_the_gate():
    new, before = weighting(), weighting()
    np.testing.assert_array_equal(gated(new, before, 0.0), before)
    np.testing.assert_array_equal(gated(new, before, 1.0), new)
    assert gated(new, before, 0.3).sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_one_shift_is_a_roll(shift):
    w = weighting()
    np.testing.assert_array_equal(shifted(w, np.eye(3)[shift + 1]), np.roll(w, shift))


def test_shifts():
    w, s = weighting(), weighting(5)
    out = shifted(w, s)
    assert out.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(shifted(np.roll(w, 3), s), np.roll(out, 3), rtol=1e-14)
    kernel = np.zeros(N)
    kernel[[-2, -1, 0, 1, 2]] = s
    by_dft = np.fft.ifft(np.fft.fft(w) * np.fft.fft(kernel)).real
    np.testing.assert_allclose(out, by_dft, rtol=1e-13)
    again = w
    for _ in range(N):
        again = shifted(again, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(again, w)


def test_sharpening():
    w = weighting()
    np.testing.assert_allclose(sharpened(w, 1.0), w, rtol=1e-14)
    np.testing.assert_allclose(sharpened(w, 2.5), w**2.5 / (w**2.5).sum(), rtol=1e-13)
    np.testing.assert_array_equal(sharpened(w, 1e6), np.eye(N)[np.argmax(w)])
    np.testing.assert_array_equal(sharpened(np.array([0.4, 0.2, 0.4]), 1e4), [0.5, 0.0, 0.5])
    np.testing.assert_allclose(sharpened(np.array([0.0, 0.25, 0.75]), 2.0), [0, 0.1, 0.9], rtol=1e-14)


def test_a_weight_of_zero_has_no_gradient():
    w = np.array([0.0, 0.25, 0.75])
    p, dp, dw = sharpened(w, 2.0), np.array([1.0, 2.0, 4.0]), np.zeros(3)
    with np.errstate(divide="ignore"):
        a = np.log(w)
    tempered.tempered_backward(dw, p, dp, 2.0, 1.0, 0, 1)
    tempered.logarithms_backward(dw, w, 0, 1)
    assert dw[0] == 0
    assert np.isfinite(dw).all()
    assert np.isfinite(tempered.factor_backward(p, dp, a, 1.0))


def test_reading_is_linear_and_stays_in_the_hull():
    w, first, second = weighting(), RNG.normal(size=(M, N)), RNG.normal(size=(M, N))

    def read(memory):
        r = np.zeros(M)
        storage.read(r, w, memory, 0, 1)
        return r

    np.testing.assert_allclose(read(2 * first - second), 2 * read(first) - read(second), rtol=1e-12)
    assert (read(first) <= first.max(axis=1)).all()
    assert (read(first) >= first.min(axis=1)).all()


def test_limits_of_writing():
    memory, w = RNG.normal(size=(M, N)), np.stack([weighting(), weighting()])
    nothing, a = np.zeros((2, M)), RNG.normal(size=(2, M))
    np.testing.assert_array_equal(written(memory, w, nothing, nothing), memory)
    replaced = written(memory, np.eye(N)[[3]], np.ones((1, M)), a[:1])
    np.testing.assert_array_equal(replaced[:, 3], a[0])
    np.testing.assert_array_equal(np.delete(replaced, 3, 1), np.delete(memory, 3, 1))


def test_the_order_of_heads_does_not_count():
    """All erase, then all add: the product and the sum of what each does."""
    memory, w = RNG.normal(size=(M, N)), np.stack([weighting(), weighting()])
    e, a = RNG.random((2, M)), RNG.normal(size=(2, M))
    both = written(memory, w, e, a)
    np.testing.assert_allclose(both, written(memory, w[::-1], e[::-1], a[::-1]), rtol=1e-13)
    by_hand = memory * (1 - np.outer(e[0], w[0])) * (1 - np.outer(e[1], w[1])) + a.T @ w
    np.testing.assert_allclose(both, by_hand, rtol=1e-12)


def test_softplus():
    x = np.array([-745.0, -40.0, -1.0, 0.0, 1.0, 40.0, 1e4])
    np.testing.assert_allclose([softplus(v) for v in x], np.logaddexp(0, x), rtol=1e-15)
    slopes = np.array([softplus_slope(v) for v in x])
    np.testing.assert_allclose(slopes[1:], 1 / (1 + np.exp(-x[1:])), rtol=1e-15)
    assert slopes[0] == np.exp(-745.0)


def residues(*shape):
    return lift(RNG.integers(0, 2**60, shape), Residue)


def test_adjoints_of_writing_are_exact():
    """<dnew, d new> along each argument, over residues: the new memory is affine in each of them."""
    heads = 3
    memory, w, e, a = residues(M, N), residues(heads, N), residues(heads, M), residues(heads, M)
    dnew = residues(M, N)

    def of(memory, w, e, a):
        new = zeros((M, N), memory)
        storage.write(new, memory, w, e, a, 0, 0, 1)
        return (new * dnew).sum()

    de, da, dw = zeros(e.shape, e), zeros(a.shape, a), zeros(w.shape, w)
    storage.vectors_backward(de, da, dnew, memory, w, e, 0, 0, 1)
    storage.weights_backward(dw, dnew, memory, w, e, a, 0, 0, 1)
    dmemory = dnew.copy()
    storage.memory_backward(dmemory, w, e, 0, 0, 1)
    given = {"memory": memory, "w": w, "e": e, "a": a}
    for name, slope in (("memory", dmemory), ("w", dw), ("e", de), ("a", da)):
        for place in [(0, 0), (1, 2), (2, 3)]:
            moved = given[name].copy()
            moved[place] = moved[place] + 1
            assert of(**given | {name: moved}) - of(**given) == slope[place], (name, place)


def test_adjoints_of_shifts_are_exact():
    w, s, dout = residues(N), residues(5), residues(N)
    dw, ds, out = zeros((N,), w), zeros((5,), w), zeros((N,), w)
    circular.convolve(out, w, s, 0, 1)
    circular.convolve_backward(dw, dout, s, 0, 1)
    circular.shifts_backward(ds, dout, w, 0, 1)
    assert (dw * w).sum() == (ds * s).sum() == (out * dout).sum()
