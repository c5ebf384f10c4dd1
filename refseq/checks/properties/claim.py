"""What a property claims: that tensors from two calls of one implementation, or from a closed form, are equal.

A property is a generator of claims, made a check by ``asks``. How far apart the two sides may be is never chosen: a
claim carries the standard deviation of their difference, entry by entry (see ``refseq.checks.properties.spread``), or
None where both sides must have the same bits, and the verdict falls at ``THRESHOLD`` of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from refseq.checks.check import Answer, Check, always
from refseq.checks.compare import block_findings, in_sigmas, ulps
from refseq.checks.implementation import NotOffered
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject
from refseq.checks.verdict import Finding

Arrays = Mapping[str, np.ndarray]
Applies = Callable[[Subject, Problem], bool]


@dataclass(frozen=True)
class Claim:
    """The tensors ``actual`` equal those of ``expected``, up to ``spread``; None: bit for bit. ``words`` say what two
    things were compared, as the beginning of a finding's message."""

    words: str
    actual: Arrays
    expected: Arrays
    spread: Arrays | None


Claims = Iterator[Claim | Finding]
Property = Callable[[Subject, Problem], Claims]


def asks(name: str, question: str, applies: Applies = always, *, edge: bool = False) -> Callable[[Property], Check]:
    """Make a check of a generator of claims."""

    def make(claims: Property) -> Check:
        def judged(subject: Subject, problem: Problem) -> Answer:
            if edge:  # who does not offer the layer at all does not offer its edges either
                subject.forward(problem)
            return _judged(name, claims, subject, problem)

        def ask(subject: Subject, problem: Problem) -> Answer:
            try:
                return judged(subject, problem)
            except NotOffered:
                if problem.lengths is None or not applies(subject, unpadded(problem)):
                    raise
            # it may be only the lengths that are not offered
            return judged(subject, unpadded(problem))

        return Check(name, question, ask, applies, edge=edge)

    return make


def _judged(name: str, claims: Property, subject: Subject, problem: Problem) -> Answer:
    findings: list[Finding] = []
    judged = False
    try:
        for claim in claims(subject, problem):
            findings += [claim] if isinstance(claim, Finding) else judge(name, problem, claim)
            judged = True
    except NotOffered:
        if not judged:  # without gradients, a property is what it says about the forward pass
            raise
    return Answer(tuple(findings))


def judge(check: str, problem: Problem, claim: Claim) -> list[Finding]:
    """A finding for every block in which the two sides differ by more than the claim allows."""
    findings = []
    for name, actual in claim.actual.items():
        expected = claim.expected[name]
        with np.errstate(all="ignore"):  # an inf or NaN on either side is to become a finding, not a warning
            error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
            spread = np.zeros(error.shape) if claim.spread is None else claim.spread[name]
            size, units = in_sigmas(error, spread), ulps(error, expected.astype(np.float64), problem.dtype)
        for finding in block_findings(check, problem, name, actual, expected, size, units):
            findings.append(replace(finding, message=f"{claim.words}: {finding.message}"))
    return findings


@lru_cache(maxsize=64)
def unpadded(problem: Problem) -> Problem:
    """The problem with every row at full length."""
    return replace(problem, lengths=None, label=problem.label.split(" lengths=")[0])
