"""A check: a question about an implementation, put to it on one problem at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from refseq.checks.exact import Unenclosed
from refseq.checks.implementation import NotOffered
from refseq.checks.problem import Problem
from refseq.checks.subject import Misbehaviour, Subject
from refseq.checks.verdict import (
    FAIL,
    NOT_OFFERED,
    PASS,
    UNDECIDED,
    Finding,
    Outcome,
    Place,
    Sensitivity,
    Worst,
)


class Undecided(Exception):  # noqa: N818 - an answer
    """Raised by a check that cannot judge here; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a check found; no findings means that it passed."""

    findings: tuple[Finding, ...] = ()
    worst: tuple[Worst, ...] = ()
    sensitivity: Sensitivity | None = None


def always(_subject: Subject, _problem: Problem) -> bool:
    """The check makes sense for every layer."""
    return True


@dataclass(frozen=True)
class Check:
    """A named question. ``ask(subject, problem)`` answers it; ``applies(subject, problem)`` says where it makes sense.

    ``everywhere``: put on every problem, otherwise only on the first. ``edge``: a case at the edge of what libraries
    accept, where an implementation may also refuse by raising.
    """

    name: str
    question: str
    ask: Callable[[Subject, Problem], Answer]
    applies: Callable[[Subject, Problem], bool] = always
    everywhere: bool = False
    edge: bool = False

    def run(self, subject: Subject, problem: Problem) -> Outcome:
        """The outcome on one problem; whatever the implementation does ends in a verdict."""
        start = time.perf_counter()
        verdict, reason, answer = PASS, "", Answer()
        try:
            with np.errstate(all="ignore"):  # foreign results may be NaN or huge; the comparisons expect that
                answer = self.ask(subject, problem)
            verdict = FAIL if answer.findings else PASS
        except NotOffered as refusal:
            verdict, reason = NOT_OFFERED, str(refusal)
        except (Undecided, Unenclosed) as doubt:
            verdict, reason = UNDECIDED, str(doubt)
        except Misbehaviour as fault:
            if self.edge and fault.raised:
                verdict, reason = NOT_OFFERED, fault.message
            else:
                verdict = FAIL
                answer = Answer((Finding(self.name, problem.label, Place(fault.tensor), fault.message),))
        seconds = time.perf_counter() - start
        return Outcome(
            self.name, problem.label, verdict, seconds, answer.findings, reason, answer.worst, answer.sensitivity
        )
