"""Identities over GF(2^61 - 1): refseq's own source, run on residues with formal activations, without a tolerance."""

from collections.abc import Iterator

import refseq
from proofs.cells import every_variant
from proofs.finite_field.equalities import EQUALITIES
from proofs.finite_field.losses import KINDS
from proofs.theorem import Deferred, Method, Theorem
from refseq.checks.structures.kinds import kind_of, networks
from refseq.checks.structures.stacks import stacks

NAME = "finite field"
_HERE = "proofs.finite_field"

SMALL, LONG = "2 layers, both directions, T = 5, rows of 5, 0, 2 and 4 steps, I = 2, H = 3", "T = 30, I = 5, H = 8"


def _deferred(where: str, *arguments: object) -> Deferred:
    return Deferred(f"{_HERE}.{where}", arguments)


def _transposed(name: str, scope: str, code: str, network: object, *sizes: int) -> Theorem:
    return Theorem(
        f"transposed/{name}",
        NAME,
        "BPTT is the transposed forward derivative: <u, J v> = <J^T u, v>",
        scope,
        code,
        _deferred("transposed:proof", network, *sizes),
        _deferred("transposed:planted", network, *sizes),
        ("L4.1", "L4.2", "L4.3"),
    )


def _layers() -> Iterator[Theorem]:
    code = "refseq.layer, scan, step, pointwise, linear, cells"
    for name, recurrence, options in every_variant():
        layer = refseq.layer(recurrence, 2, 3, layers=2, bidirectional=True, **options)
        yield _transposed(name, SMALL, code, layer, 5, 4)
    for name in refseq.catalogue():
        yield _transposed(f"long/{name}", LONG, code, refseq.layer(name, 5, 8), 30, 1)
    for number, stack in enumerate(stacks(2), 1):
        yield _transposed(f"stack/{number}", f"{stack}, T = 5, 4 rows", "refseq.stack", stack, 5, 4)
    for network in networks(2, 3):
        kind = kind_of(network)
        yield _transposed(f"network/{network}", kind.scope, kind.code, network)


def _losses() -> Iterator[Theorem]:
    for kind in KINDS:
        yield Theorem(
            f"loss/{kind}",
            NAME,
            "the loss's gradient is the derivative of its value",
            "T = 4, 3 rows of 4, 0 and 2 steps, 5 classes or features",
            "refseq.losses, refseq.softmax",
            _deferred("losses:proof", kind),
            _deferred("losses:planted", kind),
        )


def _equalities() -> Iterator[Theorem]:
    for name, (module, statement, scope, code, sources) in EQUALITIES.items():
        where = f"{module}:{name.replace(' ', '_')}"
        proof, planted = _deferred(where), _deferred(where, True)
        yield Theorem(f"equal/{name}", NAME, statement, scope, code, proof, planted, sources)


METHOD = Method(
    NAME,
    "GF(2^61 - 1) with formal activations",
    trusted="Python's integers and the laws in refseq/fields/residue.py; that a polynomial of degree d that is not 0 "
    "vanishes at a random point with a probability of at most d/2^61 (Schwartz, Zippel); that the interpreter runs the "
    "source that numba compiles",
    blind="rounding; relations between different activations, and comparisons; sizes beyond those in the scope; "
    "whether a forward formula is the one that was wanted",
    theorems=lambda: [*_layers(), *_losses(), *_equalities()],
    missing=lambda: None,
)
