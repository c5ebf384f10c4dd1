"""Proofs about refseq's own code: what holds for all inputs, not only for those that were tried.

theorem     what a theorem is, and what a proof answers
registry    the methods and their theorems
symbolic    sympy: written gradients are the derivatives of what is written beside them
intervals   outward rounded intervals and balls: bounds on whole boxes, worked examples, local certificates of runs
smt         z3: algebra and inequalities of fixed size over all reals

``refseq prove`` runs them. See ``docs/proofs.md`` for what each can and cannot see. For runs and weights of your own:
``certify``, ``verified_norm``, ``verified_gamma``.
"""

import importlib
from typing import Any

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

_LATER = {
    "certify": "proofs.intervals.certificate",
    "verified_gamma": "proofs.intervals.norm",
    "verified_norm": "proofs.intervals.norm",
}


def __getattr__(name: str) -> Any:
    """What needs a layer is imported when it is first asked for."""
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'proofs' has no attribute {name!r}")
