"""A layer over other numbers on the target "reference": complex, balls, residues, symbols, dual numbers."""

import numpy as np
import pytest
import sympy
from flint import arb

import refseq
import refseq.fields.symbol
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.differential import Dual
from refseq.fields.noise import Noisy, Rounding
from refseq.fields.residue import Residue
from tests.examples import LAYERS, everything, example

DECIMALS = 2.0**-40
NUMBERS = {
    "plain Python": float,
    "numpy scalars": np.float64,
    "arb": arb,
    "Residue": lambda value: Residue(int(value * 1000)),
    "sympy": sympy.Float,
    "Dual": lambda value: Dual(arb(value), arb(1)),
    "Noisy": Rounding(2.0**-53, 8, 0).number,
}


def lifted(problem, number):
    arrays = {name: getattr(problem, name) for name in ("params", "x", "state", "dy", "dstate")}
    return {
        name: {key: lift(a, number) for key, a in value.items()} if isinstance(value, dict) else lift(value, number)
        for name, value in arrays.items()
    }


def value(number):
    """A float near the number."""
    if isinstance(number, Dual):
        return value(number.value)
    return float(np.mean(number.samples)) if isinstance(number, Noisy) else float(number)


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_objects_of_a_number_field(layer, kind):
    """Every entry is of the field, and near what float64 gives."""
    problem = example(layer, steps=2, rows=3)
    with precision(64):
        tensors = everything(problem, "reference", **lifted(problem, NUMBERS[kind]))
    floats = everything(problem, "reference")
    expected = {type(NUMBERS[kind](0.5))}
    for name, array in tensors.items():
        assert array.dtype == object
        assert array.shape == floats[name].shape
        found = {type(entry) for entry in array.flat}
        assert all(issubclass(one, sympy.Expr) for one in found) if kind == "sympy" else found == expected, name
        if kind != "Residue":
            near = np.array([value(entry) for entry in array.flat]).reshape(array.shape)
            np.testing.assert_allclose(near, floats[name], rtol=DECIMALS, atol=DECIMALS)


@pytest.mark.parametrize(
    ("layer", "dtype"), [(LAYERS[2], "complex64"), *((layer, "complex128") for layer in LAYERS)], ids=str
)
def test_complex_numbers(layer, dtype):
    """On the real axis the result is the real one; the dtype stays."""
    real = example(layer, "float32" if dtype == "complex64" else "float64")
    tensors = everything(
        real,
        "reference",
        **{
            name: {k: v.astype(dtype) for k, v in given.items()} if isinstance(given, dict) else given.astype(dtype)
            for name in ("params", "x", "state", "dy", "dstate")
            for given in [getattr(real, name)]
        },
    )
    close = 64 * np.finfo(dtype).eps
    for name, expected in everything(real, "reference").items():
        assert tensors[name].dtype == dtype
        assert not tensors[name].imag.any()
        np.testing.assert_allclose(tensors[name].real, expected, rtol=close, atol=close)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "object"])
def test_the_cpu_target_refuses_other_numbers(dtype):
    layer = LAYERS[0]
    params = {name: array.astype(dtype) for name, array in layer.initialise().items()}
    with pytest.raises(TypeError, match=rf"target 'cpu' takes float32, float64; got {dtype}"):
        layer.forward(params, np.zeros((2, 1, 3), dtype), target="cpu")


def test_no_steps_of_objects():
    """Zeros, too, are of the field."""
    layer = refseq.layer("gru", 3, 4, reset="after", bidirectional=True)
    problem = example(layer, steps=0, rows=2)
    with precision(64):
        tensors = everything(problem, "reference", lengths=None, **lifted(problem, arb))
    for name, array in tensors.items():
        assert array.dtype == object
        assert {type(entry) for entry in array.flat} <= {arb}, name


def test_numbers_without_a_rule_are_refused():
    layer = LAYERS[0]
    params = {name: lift(array, int) for name, array in layer.initialise().items()}
    with pytest.raises(TypeError, match="numbers of type int are no registered field"):
        layer.forward(params, lift(np.ones((2, 1, 3)), int), target="reference")


def test_mixed_fields_are_refused():
    layer = LAYERS[0]
    params = {name: lift(array, lambda v: Residue(int(v))) for name, array in layer.initialise().items()}
    with pytest.raises(TypeError, match="residue modulo"):
        layer.forward(params, lift(np.ones((2, 1, 3)), float), target="reference")
