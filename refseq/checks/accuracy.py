"""The first line: values and gradients against rigorous enclosures, within the error budget."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.budget import blind
from refseq.checks.check import Answer, Check, Undecided
from refseq.checks.compare import against_exact
from refseq.checks.control import sensitivity
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject

ABSOLUTE = "every one of them is explained by a tanh or sigmoid accurate to rounding of its range, not of its value"


def _judge(check: str, subject: Subject, problem: Problem, tensors: Mapping[str, np.ndarray]) -> Answer:
    absolute = subject.activations == "absolute"
    findings, worst = against_exact(check, problem, tensors, absolute)
    if findings:
        if not absolute and not against_exact(check, problem, tensors, absolute=True)[0]:
            findings = [replace(finding, diagnosis=ABSOLUTE) for finding in findings]
        return Answer(tuple(findings), tuple(worst))
    why = blind(problem, absolute, tensors)
    if why:
        raise Undecided(why)
    return Answer((), tuple(worst), sensitivity(check, problem, tensors, absolute))


def _values(subject: Subject, problem: Problem) -> Answer:
    return _judge("values", subject, problem, subject.forward(problem))


def _gradients(subject: Subject, problem: Problem) -> Answer:
    return _judge("gradients", subject, problem, subject.vjp(problem))


VALUES = Check(
    "values", "Are outputs and final states within 16 sigma of their rigorous enclosures?", _values, everywhere=True
)
GRADIENTS = Check(
    "gradients", "Are all gradients within 16 sigma of their rigorous enclosures?", _gradients, everywhere=True
)
