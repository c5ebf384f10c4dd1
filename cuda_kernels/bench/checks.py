"""Every kernel on the device against float64 on the host.

Of every result, with the truth from the target "cpu" (large layers) or "reference" (the rest) in float64 of the same
inputs, error = max |result - truth| / max |truth| is at most 16 eps sqrt(n), n the terms that are summed on the way to
it (``refseq.bench.judge``). Layers are bidirectional, with all that they take, and lengths T, 0, T/2, T - 1, 1; their
arrays are on the device (``cuda_kernels.interop``). Whether every kernel was reached is
another question (``cuda_kernels.bench.reach``).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

import refseq
from cuda_kernels import gpu, inventory, tiers
from cuda_kernels.bench import structures, systems
from cuda_kernels.bench.cases import SMALL, in_norm, low_limit
from cuda_kernels.bench.peers import torch_device
from cuda_kernels.interop import own_products
from refseq.arrays import lift
from refseq.bench.judge import relative
from refseq.checks.problem import Problem, draw
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.networks.stacked import Arrays

Shape = tuple[int, int, int, int]
TINY: Shape = (3, 5, 2, 3)
"""T, B, I, H, for the simulator."""

SHAPES: tuple[Shape, ...] = ((5, 5, 2, 3), (33, 5, 17, 23), (20, 130, 64, 200), (7, 9, 33, 300), (1024, 5, 17, 23))
"""Odd sizes, more rows than units, more units than a block has threads, many steps; the whole catalogue has the first
two."""

FEW: list[inventory.Variant] = [("lstm", {"normalise": True}), ("gru", {})]
"""What the simulator is asked."""

MERGES = {"gru": "mean"}
"""Where the outputs of the two directions are not put side by side."""

GENTLE = 256
"""Steps from which weights are halved: errors of a recurrence that is chaotic say nothing."""


@dataclass(frozen=True)
class Check:
    """The worst result of one problem; ``trouble`` is empty if it is good."""

    name: str
    dtype: str
    shape: str
    tensor: str
    error: float
    limit: float
    trouble: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judged(name: str, dtype: str, shape: str, got: Arrays, want: Arrays, terms: float) -> Check:
    """Compare all results by name."""
    limit = 16 * float(np.finfo(dtype).eps) * max(terms, 1.0) ** 0.5
    errors = {key: relative(np.asarray(got[key], float), np.asarray(value, float)) for key, value in want.items()}
    worst = max(errors, key=lambda key: (np.isnan(errors[key]), errors[key]))
    good = errors[worst] <= limit  # False for NaN
    return Check(name, dtype, shape, worst, errors[worst], limit, "" if good else "beyond the limit")


def judged_rounded(name: str, dtype: str, shape: str, got: Arrays, want: Arrays, terms: float) -> Check:
    """The same of results with operands in bfloat16 or TF32: by their norms, as ``cases`` has it, with the eps of
    bfloat16. It finds wrong formulas and indices."""
    limit = low_limit("bfloat16", int(shape.partition("x")[0]))
    errors = {key: in_norm(np.asarray(got[key], float), np.asarray(value, float)) for key, value in want.items()}
    worst = max(errors, key=lambda key: (np.isnan(errors[key]), errors[key]))
    return Check(name, dtype, shape, worst, errors[worst], limit, "" if errors[worst] <= limit else "beyond the limit")


def host(array: Any) -> np.ndarray:
    """numpy's array of one on the device."""
    return array.copy_to_host()


def solved(problem: Problem, target: str, to: Callable[[np.ndarray], Any], back: Callable[[Any], np.ndarray]) -> Arrays:
    """Outputs, states and gradients of a layer by name; ``to`` and ``back``: arrays to the target and from it."""
    params, state, dstate, masks = (
        {name: to(array) for name, array in getattr(problem, field).items()}
        for field in ("params", "state", "dstate", "masks")
    )
    layer = problem.layer
    run = layer.forward(params, to(problem.x), state, problem.lengths, target, masks=masks or None)
    grads = layer.backward(run, to(problem.dy), dstate)
    found = forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)
    return {name: back(array) for name, array in found.items()}


def exact(problem: Problem) -> Problem:
    """The same numbers in float64."""
    fields = ("params", "state", "dstate", "masks")
    wide = {field: {name: a.astype(float) for name, a in getattr(problem, field).items()} for field in fields}
    return replace(
        problem, dtype="float64", layer=problem.exact, x=problem.x.astype(float), dy=problem.dy.astype(float), **wide
    )


def layer_check(
    variant: inventory.Variant,
    dtype: str,
    shape: Shape,
    words: str = "",
    to: Callable[[np.ndarray], Any] | None = None,
    back: Callable[[Any], np.ndarray] = host,
    judge: Callable[..., Check] = judged,
    asked: tuple[str | None, str | None] = (None, None),
) -> Check:
    """Forward and backward of one recurrence; ``to``: arrays to the device, by default numba-cuda's; ``asked``: the
    tier and precision."""
    name, options = variant
    steps, rows, inputs, units = shape
    layer = refseq.layer(name, inputs, units, bidirectional=True, merge=MERGES.get(name, "concat"), **options)
    problem = draw(layer, dtype, steps, rows, weaker=2.0 if steps >= GENTLE else 1.0)
    with tiers.using(*asked):
        got = solved(problem, "cuda", to or gpu.cuda.to_device, back)
    return judge(layer.label + words, dtype, "x".join(map(str, shape)), got, truth(problem), steps * sum(shape[1:]))


def truth(problem: Problem) -> Arrays:
    """The results in float64; of a small problem by the interpreted formulas, which need no compiler."""
    if problem.x.size <= SMALL:
        return solved(exact(problem), "reference", lambda array: lift(array, float), lambda a: np.asarray(a, float))
    return solved(exact(problem), "cpu", np.copy, np.asarray)


def tensor_checks(tiny: bool) -> Iterator[Callable[[], Check]]:
    """The same with torch's tensors, on a stream of their own: products by torch, and by tiles."""
    torch, place = torch_device()
    if torch is None:
        return

    def check(own: bool) -> Check:
        stream = torch.cuda.stream(torch.cuda.Stream()) if place == "cuda" else nullcontext()
        words, shape = f", torch, products by {'tiles' if own else 'torch'}", TINY if tiny else SHAPES[1]
        with stream, own_products() if own else nullcontext():
            given = inventory.REPRESENTATIVES[0], "float32", shape, words
            return layer_check(
                *given, lambda array: torch.tensor(array, device=place), lambda tensor: tensor.cpu().numpy()
            )

    for own in (False, True):
        yield lambda own=own: check(own)


def tier_checks(tiny: bool) -> Iterator[Callable[[], Check]]:
    """Time loops with their weights on chip, asked for, with more rows than a block takes."""

    def check(variant: inventory.Variant, tier: str, units: int, precision: str | None) -> Check:
        shape = (*TINY[:3], 4) if tiny else (33, 4 * tiers.MULTIPROCESSORS, 17, units)  # blocks share the units evenly
        words, judge = (tier, judged) if precision is None else (f"{tier} {precision}", judged_rounded)
        return layer_check(variant, "float32", shape, f", {words}", judge=judge, asked=(tier, precision))

    for given in inventory.TIERS:
        yield lambda given=given: check(*given)


def layer_checks(tiny: bool) -> Iterator[Callable[[], Check]]:
    """What there is to check, the most telling first."""
    chosen, dtypes = inventory.REPRESENTATIVES, inventory.DTYPES
    if tiny:
        chosen, dtypes = FEW, dtypes[:1]
    shapes = (TINY,) if tiny else SHAPES
    problems = [(variant, dtype, shape) for shape in shapes for variant in chosen for dtype in dtypes]
    if not tiny:
        others = [variant for variant in inventory.catalogue() if variant not in chosen]
        problems += [(variant, dtype, SHAPES[1]) for dtype in dtypes for variant in others]
        problems += [(variant, "float32", SHAPES[0]) for variant in others]
    for given in problems:
        yield lambda given=given: layer_check(*given)


def posed_checks(tiny: bool, dtypes: tuple[str, ...] = ()) -> Iterator[Callable[[], Check]]:
    """Losses, clipping, optimisers and systems, in all precisions unless told."""
    for dtype in dtypes or (inventory.DTYPES[:1] if tiny else inventory.DTYPES):
        for posed in (*structures.posed(tiny), *systems.posed(tiny)):
            yield lambda posed=posed, dtype=dtype: posed.check(judged, dtype)


def everything(tiny: bool, until: float, say: Callable[[dict[str, Any]], object], part: slice) -> int:
    """A part of all checks, as far as they begin before the clock (``time.monotonic``) says ``until``; each is said as
    a dict. How many did not begin."""
    waiting = [*posed_checks(tiny), *tier_checks(tiny), *layer_checks(tiny), *tensor_checks(tiny)][part]
    for number, check in enumerate(waiting):
        if time.monotonic() > until:
            return len(waiting) - number
        say(check().to_dict())
    return 0
