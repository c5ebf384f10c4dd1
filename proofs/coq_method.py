"""Coq as a method of ``refseq prove``: the theorems of ``proofs/coq``, and one run of its check for all of them."""

import re
from collections.abc import Sequence
from functools import cache

from proofs import coq_theorems
from proofs.theorem import Answer, Deferred, Method, Proved, Theorem, Undecided


@cache
def _answers() -> dict[str, Answer]:
    """All answers by the theorems' names."""
    return {verdict.theorem.name: _answer(verdict) for verdict in coq_theorems.verdicts()}


def _answer(verdict: coq_theorems.Verdict) -> Answer:
    if not verdict.proved:
        return Undecided(verdict.message)
    return Proved(f"axioms: {verdict.axioms}; {verdict.seconds:.1f} s of its file")


def answer(name: str) -> Answer:
    """What Coq says of this theorem; the first question runs the check, which takes a minute or more."""
    try:
        return _answers()[name]
    except RuntimeError as error:  # the script could not run: another version of mathcomp
        return Undecided(str(error))


def _theorem(found: coq_theorems.Theorem) -> Theorem:
    return Theorem(
        name=f"coq/{found.file}.{found.name}",
        method="coq",
        statement=found.statement,
        scope=found.scope,
        code=found.code,
        proof=Deferred("proofs.coq_method:answer", (found.name,)),
        sources=tuple(re.findall(r"\bL\d\.\d+", found.statement)),
    )


def theorems() -> Sequence[Theorem]:
    """All of them, in the order of the files."""
    return [_theorem(found) for found in coq_theorems.theorems()]


METHOD = Method(
    name="coq",
    title="Coq: theorems for every size and length, about definitions that restate the code",
    trusted="Coq's kernel, and that the definitions in proofs/coq say what the code computes",
    blind="the source itself, and rounding (apart from Sequence and the forward half of Tree, which hold bit by bit)",
    theorems=theorems,
    missing=coq_theorems.missing,
    optional=True,
)
