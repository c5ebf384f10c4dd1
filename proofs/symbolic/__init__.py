"""Symbolic proofs: refseq's own functions run on symbols, and what they say is a derivative is differentiated."""

from collections.abc import Iterator

from proofs.cells import every_cell
from proofs.theorem import Deferred, Method, Theorem, needs
from refseq.tree_cell import TreeCell

NAME = "symbolic"
_HERE = "proofs.symbolic"

OPERATIONS = {
    "softmax": (
        "out_j = e^(a_j) / sum_k e^(a_k)",
        "refseq.operations.softmax_forward, softmax_adjoint",
        "without_mean",
    ),
    "logsumexp": ("the derivative of log(sum_k e^(a_k)) is softmax", "refseq.softmax.logsumexp", None),
    "log_softmax": ("z_j = a_j - log(sum_k e^(a_k))", "refseq.softmax.log_softmax, log_softmax_backward", None),
    "normalise": ("out = (a - mean a) / sqrt(var a + eps)", "refseq.operations.normalise", "without_variance"),
}
"""Name -> formula, functions, and the planted error."""

SCANS = {
    "one_direction": ("two gates, two states, a parameter of each unit; T = 3", "without_memory"),
    "several_stages": ("two stages, the second with a product of what the first makes; T = 3", "without_vector"),
    "unequal_lengths": ("rows of 2, 0 and 3 steps", None),
    "both_directions": ("both directions, lengths 3 and 2", None),
    "stacked": ("two layers, T = 2", None),
    "pieces": ("from checkpoints of one step each, T = 3: so the loop over T steps is T loops over one", None),
    "tree_by_position": ("a tree whose nodes have 2, 1 and 0 children, side by side", "without_child"),
    "tree_by_sum": ("the same tree, children summed behind an edge cell", None),
}
"""Name -> sizes, and the planted error."""


def _deferred(where: str, *arguments: object) -> Deferred:
    return Deferred(f"{_HERE}.{where}", arguments)


def _slopes() -> Iterator[Theorem]:
    yield Theorem(
        "slope/fields",
        NAME,
        "each primitive's slope, a function of its output, is the derivative of its value",
        "every real x; relu off its kink",
        "refseq.primitives",
        _deferred("slopes:fields"),
        _deferred("slopes:planted_field"),
    )
    yield Theorem(
        "slope/floats",
        NAME,
        "the slopes that are compiled for floats are those formulas: 1 - y^2, y (1 - y), 1, 1/(2y)",
        "every y",
        "refseq.primitives",
        _deferred("slopes:floats"),
        _deferred("slopes:planted_float"),
    )


def _cells() -> Iterator[Theorem]:
    for name, cell in every_cell():
        if any(stage.operation is None for stage in cell.stages):
            yield Theorem(
                f"backward/{name}",
                NAME,
                "each stage's backward is the derivative of its forward",
                "one unit, hence every H; every input",
                f"refseq.cells, {len(cell.stages)} stage{'s' * (len(cell.stages) > 1)}",
                _deferred("backward:backward", cell),
                _deferred("backward:planted", cell),
                cell.source.lectures,
            )


def _layers() -> Iterator[Theorem]:
    for name, cell in every_cell():
        if name.endswith(".edge") or any(stage.operation for stage in cell.stages):
            continue
        tree = isinstance(cell, TreeCell)
        yield Theorem(
            f"layer/{name}",
            NAME,
            "the layer's backward is the derivative of its forward: parameters, x, initial state",
            "a tree of 4 to 7 nodes, H = 2, every input" if tree else "T = 2, H = 2, every input",
            "refseq.tree_layer, tree_scan, step, cells" if tree else "refseq.layer, scan, step, pointwise, cells",
            _deferred("scans:layer_of", cell),
            _deferred("scans:planted_layer", cell),
            ("L4.15",) if tree else ("L4.1", "L4.2", "L4.3"),
        )


def _vectors() -> Iterator[Theorem]:
    yield Theorem(
        "product/adjoint",
        NAME,
        "add_transposed_product and add_outer_rows are the adjoints of add_product",
        "3 inputs, 2 of 3 blocks, 2 units",
        "refseq.linear",
        _deferred("products:product"),
        _deferred("products:planted"),
        ("L3.6",),
    )
    yield Theorem(
        "product/lanes",
        NAME,
        "two lanes of a team together write what one does",
        "3 inputs, 2 of 3 blocks, 2 units",
        "refseq.linear",
        _deferred("products:lanes"),
        _deferred("products:one_lane"),
    )
    for name, (formula, code, wrong) in OPERATIONS.items():
        yield Theorem(
            f"operation/{name}",
            NAME,
            f"the written adjoint is the derivative: {formula}",
            "vectors of 1 to 4 entries, every input",
            code,
            _deferred("operations:at_every_size", name),
            _deferred(f"operations:{wrong or 'planted'}", *(() if wrong else (name,))),
        )


def _scans() -> Iterator[Theorem]:
    for name, (sizes, wrong) in SCANS.items():
        planted = _deferred(f"scans:{wrong or 'planted'}", *(() if wrong else (name,)))
        yield Theorem(
            f"scan/{name}",
            NAME,
            f"BPTT of an arbitrary cell is the gradient of every parameter, input and initial state: {sizes}",
            "every cell of this shape, H = 2",
            "refseq.layer, scan, step" if "tree" not in name else "refseq.tree_layer, tree_scan, step",
            _deferred(f"scans:{name}"),
            planted,
            ("L4.1", "L4.2"),
        )


METHOD = Method(
    NAME,
    "sympy and polynomials",
    trusted="sympy's expressions, the chain rule of proofs/symbolic/polynomial.py, python-flint's polynomials; and "
    "that the interpreter runs the source that numba compiles",
    blind="rounding; the kinks of relu and clip; whether a forward formula is the one that was wanted",
    theorems=lambda: [*_slopes(), *_cells(), *_vectors(), *_scans(), *_layers()],
    missing=needs("sympy", "sympy"),
)
