"""Proofs about refseq's own code: what holds for all inputs, not only for those that were tried.

theorem     what a theorem is, and what a proof answers
registry    the methods and their theorems
symbolic    sympy: written gradients are the derivatives of what is written beside them
intervals   outward rounded intervals and balls: bounds on whole boxes, worked examples, local certificates of runs
smt         z3: algebra and inequalities of fixed size over all reals

``refseq prove`` runs them. See ``docs/proofs.md`` for what each can and cannot see.
"""

from proofs.registry import PROVIDERS, method, theorems
from proofs.theorem import (
    NOT_AVAILABLE,
    PROVED,
    REFUTED,
    UNDECIDED,
    Answer,
    Deferred,
    Method,
    Proved,
    Refuted,
    Result,
    Theorem,
    Undecided,
    needs,
    prove,
)

__all__ = [
    "NOT_AVAILABLE",
    "PROVED",
    "PROVIDERS",
    "REFUTED",
    "UNDECIDED",
    "Answer",
    "Deferred",
    "Method",
    "Proved",
    "Refuted",
    "Result",
    "Theorem",
    "Undecided",
    "method",
    "needs",
    "prove",
    "theorems",
]
