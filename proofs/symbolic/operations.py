"""The operations on whole vectors: each adjoint is the derivative, for vectors of 1 to 4 entries written out.

Exponentials stay exact: e^(a_k - a_m) is a ratio of e^(a_k). The square root is an algebraic number over the entries,
sqrt(v)^2 = v. What holds for 4 entries is the same formula for any number, as all loops treat every entry alike; larger
sizes are the finite field's.
"""

from collections.abc import Callable

import numpy as np
import sympy

from proofs.symbolic.identity import every, gradient
from proofs.symbolic.opaque import Opaque, expression, symbol
from proofs.symbolic.products import ALONE, array, dot, pairs, zeros
from proofs.theorem import Answer
from refseq import softmax as functions
from refseq.operations import OPERATIONS

SIZES = (1, 2, 3, 4)


def _with_exponentials(values: np.ndarray, n: int) -> np.ndarray:
    """Every e^(sum of entries) as a product of powers of e_k = e^(a_k)."""
    powers = {sympy.exp(v.expression): sympy.Symbol(f"e_{k}", positive=True) for k, v in enumerate(array("a", n))}
    result = np.empty(values.shape, object)
    for index in np.ndindex(*values.shape):
        result[index] = Opaque(sympy.expand_power_exp(expression(values[index])).subs(powers))
    return result


def _by_exponentials(loss: Opaque, da: np.ndarray, n: int) -> Answer:
    """The derivative by a_k is e_k times that by e_k."""
    e = [sympy.Symbol(f"e_{k}", positive=True) for k in range(n)]
    return gradient(loss, [(e[k], da[k] / Opaque(e[k])) for k in range(n)])


def softmax(size: int, backward: Callable = OPERATIONS["softmax"].backward) -> Answer:
    """The derivative of the sum of dout_j softmax_j by every a_k."""
    a, out, dout, da = array("a", size), zeros(size), array("dout", size), zeros(size)
    OPERATIONS["softmax"].forward(a, out, a, None, size, *ALONE)
    out = _with_exponentials(out, size)
    backward(da, out, dout, da, size, *ALONE)
    return _by_exponentials(dot(out, dout), da, size)


def logsumexp(size: int, backward: Callable = functions.logsumexp_backward) -> Answer:
    """The derivative of logsumexp is the softmax."""
    a, p, da = array("a", size), zeros(size), zeros(size)
    functions.softmax(p, a, *ALONE)
    value, dvalue = functions.logsumexp(a), symbol("dvalue")
    backward(da, _with_exponentials(p, size), dvalue, *ALONE)
    exponentiated = _with_exponentials(np.array([Opaque(sympy.exp(expression(value)))], object), size)[0]
    inner = Opaque(sympy.log(exponentiated.expression))
    return _by_exponentials(inner * dvalue, da, size)


def log_softmax(size: int, backward: Callable = functions.log_softmax_backward) -> Answer:
    """The derivative of the sum of dz_j log softmax_j by every a_k."""
    a, z, dz, da = array("a", size), zeros(size), array("dz", size), zeros(size)
    functions.log_softmax(z, a, *ALONE)
    backward(da, z, dz, *ALONE)
    loss, claims = dot(z, dz), _with_exponentials(da, size)
    plain = [sympy.Symbol(f"a_{k}", real=True) for k in range(size)]
    derivatives = np.array([Opaque(sympy.diff(loss.expression, v)) for v in plain], object)
    weights = array("w", size)
    found = dot(_with_exponentials(derivatives, size), weights)
    return gradient(found, pairs(weights, claims))


def normalise(size: int, backward: Callable = OPERATIONS["normalise"].backward) -> Answer:
    """The derivative of the sum of dout_j normalised_j by every a_k."""
    a, out, dout = array("a", size), zeros(size), array("dout", size)
    da, kept, epsilon = zeros(size), zeros(size), symbol("epsilon", positive=True)
    OPERATIONS["normalise"].forward(a, out, kept, epsilon, size, *ALONE)
    backward(da, out, dout, kept, size, *ALONE)
    return gradient(dot(out, dout), pairs(a, da))


PROOFS = {"softmax": softmax, "logsumexp": logsumexp, "log_softmax": log_softmax, "normalise": normalise}


def at_every_size(name: str) -> Answer:
    """The operation on vectors of 1 to 4 entries."""
    return every(PROOFS[name](size) for size in SIZES)


def planted(name: str) -> Answer:
    """Planted: the adjoint writes nothing."""
    return PROOFS[name](2, lambda *arguments: None)


def without_mean() -> Answer:
    """Planted: the adjoint of softmax as if its entries did not share a sum."""

    def wrong(da, out, dout, kept, units, lane, lanes):
        for j in range(units):
            da[j] = out[j] * dout[j]

    return softmax(3, wrong)


def without_variance() -> Answer:
    """Planted: the adjoint of normalise as if the deviation were constant."""

    def wrong(da, out, dout, kept, units, lane, lanes):
        mean = sum(dout, Opaque(0)) / units
        for j in range(units):
            da[j] = (dout[j] - mean) / kept[j]

    return normalise(3, wrong)
