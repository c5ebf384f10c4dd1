"""Initial weights: their distribution, within bounds that follow from the number of draws; seeds and dtypes."""

import numpy as np
import pytest

import refseq
from refseq.initialise import SCHEMES, matrices
from tests.examples import LAYERS

FAN_OUT, FAN_IN, GATES = 150, 200, 4
DRAWS = FAN_OUT * FAN_IN * GATES

# scheme: variance as a function of the gain; kurtosis E z^4 / (E z^2)^2 of the distribution
INDEPENDENT = {
    "gaussian": (lambda gain: gain / FAN_IN, 3.0),
    "glorot": (lambda gain: 2 * gain**2 / (FAN_IN + FAN_OUT), 1.8),
    "he": (lambda gain: 2 * gain**2 / FAN_IN, 3.0),
}


def draw(scheme, gain=1.0, recurrent=True, shape=(GATES, FAN_OUT, FAN_IN), seed=0):
    return matrices(np.random.default_rng(seed), scheme, shape, gain, recurrent)


@pytest.mark.parametrize("gain", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("scheme", INDEPENDENT)
def test_mean_and_variance(scheme, gain):
    """Six standard deviations: the mean of N draws has variance v/N, their mean square (kurtosis - 1) v^2/N."""
    variance, kurtosis = INDEPENDENT[scheme]
    weights = draw(scheme, gain)
    assert abs(weights.mean()) < 6 * np.sqrt(variance(gain) / DRAWS)
    assert np.mean(weights**2) == pytest.approx(variance(gain), rel=6 * np.sqrt((kurtosis - 1) / DRAWS))


@pytest.mark.parametrize("scheme", INDEPENDENT)
def test_the_shape_of_the_distribution(scheme):
    """The fourth moment tells uniform from normal: 1.8 and 3, within 3 %."""
    weights = draw(scheme)
    assert np.mean(weights**4) / np.mean(weights**2) ** 2 == pytest.approx(INDEPENDENT[scheme][1], rel=0.03)


def test_glorot_stays_within_its_bound():
    bound = np.sqrt(6 / (FAN_IN + FAN_OUT))
    assert 0.999 * bound < np.abs(draw("glorot")).max() <= bound


@pytest.mark.parametrize("shape", [(4, 7, 7), (4, 9, 5), (4, 5, 9)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal_rows_or_columns(shape, gain):
    for gate in draw("orthogonal", gain, shape=shape):
        gram = gate @ gate.T if shape[1] <= shape[2] else gate.T @ gate
        np.testing.assert_allclose(gram, gain**2 * np.eye(min(shape[1:])), atol=1e-13)


def test_orthogonal_matrices_are_uniformly_distributed():
    """Every entry of a uniform orthogonal 3x3 matrix has mean 0 (numpy's qr alone fixes signs) and variance 1/3."""
    many = draw("orthogonal", shape=(4000, 3, 3))
    assert np.abs(many.mean(axis=0)).max() < 6 * np.sqrt(1 / 3 / 4000)
    np.testing.assert_allclose(np.mean(many**2, axis=0), 1 / 3, atol=6 * np.sqrt(0.2 / 4000))


def test_the_identity_is_for_recurrent_weights():
    params = refseq.layer("elman", 3, 4, activation="relu").initialise(scheme="identity", gain=0.5)
    assert np.array_equal(params["W_hh"][0], 0.5 * np.eye(4))
    assert np.unique(np.abs(params["W_hx"])).size == 12


def test_the_identity_is_not_for_matrices_of_outputs():
    """A projection and an output layer are applied to what the hidden layer gives out, not to an old state."""
    for layer, name in (
        (refseq.layer("lstm", 3, 4, projection=2), "W_hm"),
        (refseq.layer("jordan", 3, 4, outputs=2), "W_yh"),
    ):
        assert np.unique(np.abs(layer.initialise(scheme="identity")[name])).size == 8


def test_gates_are_drawn_apart():
    for scheme in set(SCHEMES) - {"identity"}:
        weights = draw(scheme)
        assert not np.array_equal(weights[0], weights[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_draws_all_its_parameters(layer, scheme, dtype):
    params = layer.initialise(seed=3, scheme=scheme, dtype=dtype)
    assert {name: value.shape for name, value in params.items()} == layer.shapes
    assert {value.dtype for value in params.values()} == {np.dtype(dtype)}
    for name, value in params.items():
        assert value.any() == name.startswith("W_")
    assert layer.forward(params, np.ones((2, 1, layer.inputs), dtype)).y.dtype == dtype


def test_seeds_are_reproducible_and_differ():
    layer = refseq.layer("lstm", 3, 4, layers=2)
    first, again, other = (layer.initialise(seed=seed) for seed in (1, 1, 2))
    for name in ("W_hx", "W_hh", "W_hx_l1", "W_hh_l1"):
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    assert not np.shares_memory(first["W_hh"], again["W_hh"])
    assert not np.array_equal(first["W_hh"], first["W_hh_l1"])


def test_single_precision_is_rounded_double_precision():
    layer = LAYERS[2]
    single, double = (layer.initialise(seed=5, dtype=dtype) for dtype in ("float32", "float64"))
    assert all(np.array_equal(single[name], double[name].astype("float32")) for name in double)


SMALL = [refseq.layer("lstm", 1, 1), refseq.tree_layer("tree_lstm", 1, 1), refseq.graph_layer(1, 1, 2)]


@pytest.mark.parametrize("layer", SMALL, ids=str)
@pytest.mark.parametrize(
    ("scheme", "gain", "dtype"),
    [*((scheme, 1e300, "float32") for scheme in SCHEMES), ("glorot", 1.7e308, "float64"), ("he", 1.7e308, "float64")],
)
def test_weights_that_would_not_be_finite_are_refused(layer, scheme, gain, dtype):
    """By their argument, without a warning of numpy's; of a range beyond all floats it draws nothing at all."""
    with pytest.raises(ValueError, match=rf"gain: expected one that keeps weights finite in {dtype}, got \d"):
        layer.initialise(scheme=scheme, gain=gain, dtype=dtype)
    assert all(np.isfinite(v).all() for v in layer.initialise(scheme=scheme, gain=1e30, dtype="float32").values())


@pytest.mark.parametrize("bias", [1e39, -1e300])
def test_a_forget_bias_that_would_not_be_finite_is_refused(bias):
    layer = refseq.layer("lstm", 3, 4)
    with pytest.raises(ValueError, match=r"forget_bias: expected a number that is finite in float32, got -?1e\+"):
        layer.initialise(forget_bias=bias, dtype="float32")
    assert layer.initialise(forget_bias=bias)["b_h"][1, 0] == bias


def test_the_forget_bias_fills_gate_f_of_every_part():
    layer = refseq.layer("lstm", 3, 4, layers=2, bidirectional=True)
    params = layer.initialise(forget_bias=1.5)
    for part in layer.parts:
        assert np.array_equal(params["b_h" + part.suffix], np.outer([0, 1.5, 0, 0], np.ones(4)))


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), ">f4"])
def test_the_dtype_may_be_a_name_a_type_or_a_dtype(dtype):
    drawn = refseq.layer("gru", 3, 5).initialise(seed=3, dtype=dtype)
    expected = refseq.layer("gru", 3, 5).initialise(seed=3, dtype="float32")
    assert all(drawn[name].dtype == np.float32 and drawn[name].dtype.isnative for name in expected)
    assert all(drawn[name].tobytes() == value.tobytes() for name, value in expected.items())


@pytest.mark.parametrize("dtype", [None, "float16", int, np.complex128, "no dtype", 4])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype: expected float32 or float64; got"):
        refseq.layer("gru", 3, 5).initialise(dtype=dtype)
