"""Laws that the gradient of any correct implementation obeys, as scalars: one for each continuous symmetry (E. Noether,
1918), and a bound.

Both sides of a law are sums of products of a value and a gradient, exact up to the errors of its factors. The errors of
different tensors are not independent (they share the errors of the deltas), so the deviation allowed for the sum is the
sum of the deviations, not their quadrature.
"""

from collections.abc import Mapping

import numpy as np

from refseq.checks.budget import THRESHOLD
from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claims, asks
from refseq.checks.properties.limits import single_elman
from refseq.checks.properties.spread import of_one
from refseq.checks.properties.symmetry import homogeneous
from refseq.checks.properties.variants import cotangents, named, readers_of_x
from refseq.checks.subject import Subject
from refseq.checks.tensors import place
from refseq.checks.verdict import Finding, Place
from refseq.fields.noise import UNIT_ROUNDOFF

Arrays = dict[str, np.ndarray]


class Products:
    """Products of values and gradients, entry by entry, with their standard deviations."""

    def __init__(self, subject: Subject, problem: Problem) -> None:
        found = subject.forward(problem) | subject.vjp(problem)
        spread, given = of_one(subject, problem), named(problem)
        outside = (np.arange(len(problem.x))[:, None] >= problem.counts)[..., None]
        self.terms, self.spread = {}, {}
        for name, values in given.items():
            if name.startswith("mask["):
                continue
            inside = ~outside if name in ("y", "dx") else np.True_
            wide = np.where(inside, values, 0).astype(np.longdouble)
            self.terms[name] = wide * found[name]
            self.spread[name] = np.abs(wide) * spread[name]

    def sums(self, name: str, axes: tuple[int, ...]) -> np.ndarray:
        """(2, ...): sums of the products and of their deviations over some axes."""
        return np.stack([np.sum(self.terms[name], axis=axes), np.sum(self.spread[name], axis=axes)])


def broken(
    check: str, problem: Problem, where: Place, words: str, left: np.ndarray, right: np.ndarray
) -> Finding | None:
    """A finding if left and right, each with its deviation, differ by more than they may."""
    difference, spread = float(np.abs(left[0] - right[0])), float(left[1] + right[1])
    if difference <= THRESHOLD * spread:
        return None
    message = f"{words}: {float(left[0]):.17g} and {float(right[0]):.17g}"
    size = difference / spread if spread else np.inf
    return Finding(check, problem.label, where, message, size, None, float(right[0]), float(left[0]))


@asks("balance of features", "Does every feature's x dx equal its W dW, summed?")
def balance_of_features(subject: Subject, problem: Problem) -> Claims:
    """x_j s and W_j / s are the same to the layer: sum x_j dx_j = sum W_hx[:, :, j] dW_hx[:, :, j], for every j."""
    layer, products = subject.layer, Products(subject, problem)
    weights = [f"d{name}" for name in sorted(readers_of_x(layer))]
    left = products.sums("dx", (0, 1))
    right = sum((products.sums(name, (0, 1)) for name in weights), np.zeros_like(left))
    for j in range(layer.inputs):
        words = f"sums of x dx and of W_hx dW_hx of feature {j}"
        finding = broken("balance of features", problem, Place("dW_hx"), words, left[:, j], right[:, j])
        if finding:
            yield finding


@asks("balance of units", "Does what flows into a unit, times its gradient, equal what flows out?", homogeneous)
def balance_of_units(subject: Subject, problem: Problem) -> Claims:
    """The weights into a unit times s, those out of it by s: with p = sum of value times gradient, for every unit,
    p(rows of W_hx, W_hh, b_h) + p(h_0) = p(columns of W_hh and of the next layer's W_hx) + p(y) + p(h_T)."""
    layer, products = subject.layer, Products(subject, problem)
    for part in layer.parts:
        inward = products.sums(f"dW_hx{part.suffix}", (0, 2)) + products.sums(f"dW_hh{part.suffix}", (0, 2))
        inward += products.sums("dstate[h]", (1,))[:, part.row]
        if layer.bias:
            inward += products.sums(f"db_h{part.suffix}", (0,))
        outward = products.sums(f"dW_hh{part.suffix}", (0, 1)) + products.sums("state[h]", (1,))[:, part.row]
        half = slice(part.direction * layer.units, (part.direction + 1) * layer.units)
        readers = [f"dW_hx{other.suffix}" for other in layer.parts if other.layer == part.layer + 1]
        for name, axes in [(name, (0, 1)) for name in readers] or [("y", (0, 1))]:
            outward += products.sums(name, axes)[:, half]
        for unit in range(layer.units):
            where = place(layer, f"dW_hh{part.suffix}", (0, unit, 0))
            words = f"flow into and out of unit {unit}"
            finding = broken("balance of units", problem, where, words, inward[:, unit], outward[:, unit])
            if finding:
                yield finding


@asks("Euler's theorem", "Is the loss the sum of x dx, b db and h_0 dh_0?", homogeneous)
def euler(subject: Subject, problem: Problem) -> Claims:
    """The loss is homogeneous of degree 1 in x, the states and the biases (L. Euler)."""
    products = Products(subject, problem)

    def total(names: list[str]) -> np.ndarray:
        sums = [products.sums(name, tuple(range(products.terms[name].ndim))) for name in names]
        return np.sum(sums, axis=0)

    loss = total([name for name in products.terms if not name.startswith("d")])
    pulled = total([name for name in products.terms if name.startswith("d") and not name.startswith("dW_")])
    finding = broken("Euler's theorem", problem, Place("dx"), "sum of x dx, b db, h_0 dh_0, and loss", pulled, loss)
    if finding:
        yield finding


SLOPES: Mapping[str, float] = {"tanh": 1.0, "relu": 1.0, "identity": 1.0, "sigmoid": 0.25}
"""The largest slope of an activation."""


@asks("vanishing bound", "Does the gradient of the final state vanish at least as fast as it must?", single_elman)
def vanishing_bound(subject: Subject, problem: Problem) -> Claims:
    """|dh_0| <= (max f' |W_hh|)^length |dh_T|, in Euclidean norms (Pascanu, Mikolov, Bengio, ICML 2013)."""
    layer = subject.layer
    found = subject.vjp(cotangents(problem, dstate=problem.dstate))["dstate[h]"].astype(np.float64)
    slope = SLOPES[str(layer.cell.options["activation"])]
    # each step's product of H terms, slope and activation rounds relative to | |W_hh| |, at most sqrt(H) |W_hh|
    units, u = layer.units, UNIT_ROUNDOFF[problem.dtype]
    rounding = 1 + (units + 8) * np.sqrt(units) * u
    for part in layer.parts:
        norm = np.linalg.norm(problem.params[f"W_hh{part.suffix}"][0].astype(np.float64), 2)
        for row, count in enumerate(problem.counts):
            start = np.linalg.norm(found[part.row, row])
            bound = np.linalg.norm(problem.dstate["h"][part.row, row].astype(np.float64))
            bound *= (slope * norm * rounding) ** int(count) * (1 + u)
            if not start <= bound:
                words = f"the gradient has norm {start:.17g} after {count} steps back, more than {bound:.17g}"
                where = place(layer, "dstate[h]", (part.row, row, 0))
                yield Finding("vanishing bound", problem.label, where, words, None, None, float(bound), float(start))
