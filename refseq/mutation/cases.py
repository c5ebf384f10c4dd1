"""Every case by name, and what the unmutated source answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from refseq.mutation import calls, networks, scans, systems, training
from refseq.mutation.calls import Calls
from refseq.mutation.networks import Network

Subject = Network | Calls


@dataclass(frozen=True)
class Case:
    """A subject by name, made when it is needed. ``of``: what it judges, by how the names of modules begin; without it
    the machinery that all networks share, and everything else."""

    name: str
    make: Callable[[], Subject]
    of: str = ""

    @property
    def general(self) -> bool:
        """Whether it judges everything."""
        return not self.of

    def judges(self, module: str) -> bool:
        """Whether it is put to mutants of this module."""
        return module.startswith(self.of)


def _all() -> Iterator[Case]:
    for name, make in networks.GENERAL.items():
        yield Case(name, make)
    for name, make in networks.options().items():
        yield Case(name, make, "refseq.cells.")
    for name, make in training.LOSSES.items():
        yield Case(name, make)
    for name, make in systems.PROBLEMS.items():
        yield Case(name, make, "refseq.losses.ctc_")
    for name, found in systems.CALLS.items():
        yield Case(name, lambda found=found: found, "refseq.losses.ctc_")
    for name, found in (calls.CALLS | scans.CALLS | training.CALLS).items():
        yield Case(name, lambda found=found: found)


@cache
def cases() -> dict[str, Case]:
    """Every case by name."""
    return {case.name: case for case in _all()}
