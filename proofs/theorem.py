"""What a theorem is here, what a proof answers, and how one is put to the test.

A proof is a computation that ends in one of three answers. Besides, most theorems have a *control*: the same proof with
an error planted in the formula, which must be refuted. Without it a claim about nothing, under assumptions that
contradict one another, would pass for a theorem.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

PROVED, REFUTED, UNDECIDED, NOT_AVAILABLE = "proved", "refuted", "undecided", "not available"
"""Verdicts. Undecided: neither proved nor refuted. Not available: what would prove it is not installed."""


@dataclass(frozen=True)
class Proved:
    """``shown``: what was computed, in words ("12 identities")."""

    shown: str


@dataclass(frozen=True)
class Refuted:
    """``claim``: what is wrong; ``counterexample``: the values at which it is, and what comes out there."""

    claim: str
    counterexample: str

    def __str__(self) -> str:
        return f"{self.claim}; {self.counterexample}"


@dataclass(frozen=True)
class Undecided:
    """Neither proved nor refuted, and why."""

    reason: str


Answer = Proved | Refuted | Undecided
Proof = Callable[[], Answer]


@dataclass(frozen=True)
class Theorem:
    """One theorem and its proof.

    name       unique, with what it is about first: ``backward/gru(reset=after)``
    method     the name of the ``Method`` that proves it
    statement  in words and formulas
    scope      for what it holds ("every H, every input"); sizes, where these are fixed
    code       the functions of refseq that are run, or spoken of
    proof      the computation
    control    the proof with a planted error, which must be refuted; None where a proof needs none
    sources    claims of the lectures, or the paper, that state it
    """

    name: str
    method: str
    statement: str
    scope: str
    code: str
    proof: Proof
    control: Proof | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """A way to prove. ``theorems`` lists what it proves even where ``missing`` says why it cannot run here.

    trusted   what has to be right for its proofs to be proofs
    blind     what it cannot see
    optional  its tool is large: without it a run of all methods is no failure, and says what is not available
    """

    name: str
    title: str
    trusted: str
    blind: str
    theorems: Callable[[], Sequence[Theorem]]
    missing: Callable[[], str | None]
    optional: bool = False


@dataclass(frozen=True)
class Result:
    """The verdict on a theorem; ``detail`` is what was shown, the refutation, or the reason."""

    theorem: Theorem
    verdict: str
    seconds: float
    detail: str
    planted: str = ""
    """What the control's planted error was refuted by."""


def prove(theorem: Theorem, missing: str | None = None) -> Result:
    """Run the proof and its control. ``missing``: why its method cannot run here."""
    if missing:
        return Result(theorem, NOT_AVAILABLE, 0.0, missing)
    start = time.perf_counter()
    answer = theorem.proof()
    control = theorem.control() if theorem.control and isinstance(answer, Proved) else None
    return _judged(theorem, answer, control, time.perf_counter() - start)


def _judged(theorem: Theorem, answer: Answer, control: Answer | None, seconds: float) -> Result:
    if isinstance(answer, Refuted):
        return Result(theorem, REFUTED, seconds, str(answer))
    if isinstance(answer, Undecided):
        return Result(theorem, UNDECIDED, seconds, answer.reason)
    if control is None:
        return Result(theorem, PROVED, seconds, answer.shown)
    if not isinstance(control, Refuted):
        found = "was proved as well" if isinstance(control, Proved) else f"is undecided: {control.reason}"
        return Result(theorem, UNDECIDED, seconds, f"the control, with an error planted, {found}")
    return Result(theorem, PROVED, seconds, answer.shown, str(control))


@dataclass(frozen=True)
class Deferred:
    """``Deferred("package.module:function", arguments)()`` imports the module when it is called: theorems are listed
    where what proves them is not installed."""

    where: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> Answer:
        """Import and call."""
        module, _, name = self.where.partition(":")
        return getattr(importlib.import_module(module), name)(*self.arguments, **self.options)


def needs(module: str, package: str) -> Callable[[], str | None]:
    """``Method.missing`` of a method that needs this module of this package."""

    def missing() -> str | None:
        if importlib.util.find_spec(module) is not None:
            return None
        return f"{package} is not installed: pip install 'refseq[proofs]'"

    return missing
