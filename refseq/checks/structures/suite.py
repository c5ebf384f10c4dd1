"""``verify`` for networks and systems beyond layers: the checks that need no time axis, on every problem."""

from collections.abc import Callable
from typing import Any

from refseq.arguments import choice, dtype_name, integer
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.function import Arrays, Posed
from refseq.checks.implementation import OwnImplementation
from refseq.checks.own import AGREEMENT, FINITE_FIELD
from refseq.checks.structures.kinds import kind_of, problems
from refseq.checks.subject import Subject
from refseq.checks.verdict import Outcome, Report
from refseq.tree_layer import TARGETS

CHECKS = (VALUES, GRADIENTS, FINITE_FIELD, AGREEMENT)


class OwnNetwork(Subject):
    """refseq's network on one of its targets."""

    def __init__(self, network: Any, target: str) -> None:
        self.implementation, self.layer = OwnImplementation(network, target), network
        self.name, self.activations = self.implementation.name, "relative"

    def forward(self, problem: Posed) -> Arrays:
        """The results by name."""
        return problem.function.forward(problem.values, problem.constants, self.implementation.target)[0]

    def vjp(self, problem: Posed) -> Arrays:
        """The gradients by name."""
        _, record = problem.function.forward(problem.values, problem.constants, self.implementation.target)
        return problem.function.backward(record, problem.cotangents)


def verify(
    network: Any,
    target: str = "cpu",
    dtype: str = "float64",
    *,
    seed: int = 0,
    progress: Callable[[Outcome], None] | None = None,
) -> Report:
    """Judge a network or system of one of the kinds (``refseq.checks.structures.kinds``) on one target, in one
    precision; the report is that of ``refseq.checks.verify``. Raises TypeError or ValueError naming the argument."""
    kind_of(network)
    choice("target", target, TARGETS)
    dtype = dtype_name("dtype", dtype)
    subject, outcomes = OwnNetwork(network, target), []
    for problem in problems(network, dtype, integer("seed", seed, 0)):
        posed: Any = problem
        for check in CHECKS:
            if check.applies(subject, posed):
                outcomes.append(check.run(subject, posed))
                if progress:
                    progress(outcomes[-1])
    return Report(subject.name, network.label, network.sizes, dtype, tuple(outcomes))
