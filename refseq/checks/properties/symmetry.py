"""Symmetries: a layer cannot know its units and features by name, and some cannot tell a sign or a scale."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.relabelling import ODD, Labels, Relabelling, flip, keep, shuffle
from refseq.checks.properties.spread import of_two
from refseq.checks.properties.variants import by_row, named, readers_of_x, with_named
from refseq.checks.subject import Subject

Arrays = dict[str, np.ndarray]
Names = Callable[[np.random.Generator, int], Labels]


def _same(rng: np.random.Generator, size: int) -> Labels:
    return keep(size)


def relabelling(subject: Subject, features: Names, units: Names) -> Relabelling:
    """New names for features and, part by part, for units."""
    layer, rng = subject.layer, np.random.default_rng(4)
    columns, parts = features(rng, layer.inputs), []
    for part in layer.parts:
        names = {name: units(rng, size) for name, size in part.sizes.items() if name != "inputs"}
        # outputs that are added have common names
        parts.append(parts[-1] if part.direction and layer.merge != "concat" else names)
    return Relabelling(layer, columns, tuple(parts))


def equivariant(subject: Subject, problem: Problem, words: str, change: Relabelling) -> Claims:
    """The relabelled problem has the relabelled answer; compared under the old names, so that a place means itself.
    The sums have the same terms in another order, and the budget is the old one."""
    whole, found = subject.everything(problem), subject.everything(with_named(problem, change(named(problem))))
    yield Claim(words, change.inverse()(found), whole, of_two(subject, problem))


@asks("hidden permutation", "Are units in another order the same units, with the same gradients?")
def hidden_permutation(subject: Subject, problem: Problem) -> Claims:
    """Rows of every gate, columns of W_hh and of the next layer, states and cotangents: another order in each part."""
    yield from equivariant(subject, problem, "units in another order", relabelling(subject, _same, shuffle))


@asks("feature permutation", "Are features in another order, and with other signs, the same features?")
def feature_permutation(subject: Subject, problem: Problem) -> Claims:
    """Columns of W_hx of the first layer follow the features of x."""
    change = relabelling(subject, lambda rng, n: Labels(shuffle(rng, n).order, flip(rng, n).sign), _same)
    yield from equivariant(subject, problem, "features in another order and with other signs", change)


def odd(subject: Subject, _problem: Problem) -> bool:
    """Units may change sign."""
    return subject.layer.cell.label in ODD


@asks("unit signs", "Do units whose weights all change sign change sign, and nothing else?", odd)
def unit_signs(subject: Subject, problem: Problem) -> Claims:
    """The candidate's rows, the columns that read the unit, its states and cotangents."""
    yield from equivariant(subject, problem, "some units with the other sign", relabelling(subject, _same, flip))


def odd_elman(subject: Subject, _problem: Problem) -> bool:
    """The only gate is odd."""
    return subject.layer.cell.name == "elman" and subject.layer.cell.label in ODD


@asks("odd symmetry", "Does the layer change sign with x, the states and the biases?", odd_elman)
def odd_symmetry(subject: Subject, problem: Problem) -> Claims:
    """f(-x, -h; -b) = -f(x, h; b): all units and all features change sign, which leaves the matrices as they are."""
    change = relabelling(subject, _negative, _negative)
    yield from equivariant(subject, problem, "everything but the matrices with the other sign", change)


def _negative(rng: np.random.Generator, size: int) -> Labels:
    return Labels(np.arange(size), -np.ones(size))


@asks("feature scale", "May a feature be scaled if its weights are divided by the same factor?")
def feature_scale(subject: Subject, problem: Problem) -> Claims:
    """Powers of two, so that no product changes; gradients scale the other way."""
    scale = (2.0 ** (np.arange(subject.layer.inputs) % 5 - 2)).astype(problem.dtype)
    weights = readers_of_x(subject.layer)
    params = dict(problem.params) | {name: problem.params[name] / scale for name in weights}
    whole, found = subject.everything(problem), subject.everything(replace(problem, x=problem.x * scale, params=params))
    back: Mapping[str, np.ndarray] = {"dx": scale} | {"d" + name: 1 / scale for name in weights}
    unscaled = {name: value * back[name] if name in back else value for name, value in found.items()}
    yield Claim("features scaled, their weights divided", unscaled, whole, of_two(subject, problem))


def homogeneous(subject: Subject, _problem: Problem) -> bool:
    """The activation satisfies f(a z) = a f(z) for a > 0."""
    return subject.layer.cell.label in ("elman(activation=relu)", "elman(activation=identity)")


@asks("homogeneity", "Does the layer scale with x, the states and the biases?", homogeneous)
def homogeneity(subject: Subject, problem: Problem) -> Claims:
    """f(4x, 4h; 4b) = 4 f(x, h; b). Under unchanged cotangents the gradients of matrices scale, the others stay."""
    factor = np.array(4.0, problem.dtype)
    params = {name: value * factor if value.ndim < 3 else value for name, value in problem.params.items()}
    state = {name: value * factor for name, value in problem.state.items()}
    scaled = replace(problem, x=problem.x * factor, params=params, state=state)
    whole, found = subject.everything(problem), subject.everything(scaled)
    grows = {name for name in found if name.startswith("dW_") or not name.startswith("d")}
    unscaled = {name: value / factor if name in grows else value for name, value in found.items()}
    yield Claim("x, states and biases times 4", unscaled, whole, of_two(subject, problem))


@asks("inert feature", "Is a feature without weights ignored, with no gradient of its own?")
def inert_feature(subject: Subject, problem: Problem) -> Claims:
    """The last column of W_hx is zero: products with 0 change no sum by a bit, whatever the feature's value."""
    params = dict(problem.params)
    for name in readers_of_x(subject.layer):
        params[name] = params[name].copy()
        params[name][:, :, -1] = 0
    x = problem.x.copy()
    x[:, :, -1] = 1 - 2 * x[:, :, -1]
    first = subject.everything(replace(problem, params=params))
    second = by_row(subject.everything(replace(problem, params=params, x=x)))
    yield Claim("with another value of a feature without weights", second, first, None)
    if "dx" in first:
        silent = first["dx"].copy()
        silent[:, :, -1] = 0
        yield Claim("gradient of a feature without weights", {"dx": first["dx"]}, {"dx": silent}, None)


def one_size(subject: Subject, _problem: Problem) -> bool:
    """Unit j is entry j of every vector, and units meet in matrices alone."""
    cell = subject.layer.cell
    return not cell.sizes and all(stage.operation is None for stage in cell.stages) and concatenated(subject)


def concatenated(subject: Subject) -> bool:
    """The outputs of two directions are not added."""
    return not subject.layer.bidirectional or subject.layer.merge == "concat"


@asks("inert unit", "Is a unit that nobody reads ignored by all others?", one_size)
def inert_unit(subject: Subject, problem: Problem) -> Claims:
    """The last unit of every part has no outgoing weights; its initial state changes no other unit by a bit."""
    layer, params = subject.layer, {name: value.copy() for name, value in problem.params.items()}
    for part in layer.parts:
        for name, matrix in part.cell.layout.matrices.items():
            if matrix.inputs == "units":
                params[name + part.suffix][:, :, -1] = 0
            elif part.layer:
                params[name + part.suffix][:, :, layer.units - 1 :: layer.units] = 0
    state = {name: value.copy() for name, value in problem.state.items()}
    for value in state.values():
        value[:, :, -1] = 1 - 2 * value[:, :, -1]
    first = subject.forward(replace(problem, params=params))
    second = subject.forward(replace(problem, params=params, state=state))
    for found in (first, second):
        for name, value in found.items():
            found[name] = value.copy()
            found[name][..., layer.units - 1 :: layer.units] = 0  # the unit itself is not judged
    yield Claim("with another state of a unit without outgoing weights", second, first, None)
