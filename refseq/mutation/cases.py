"""Every case by name, and what the unmutated source answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from refseq.mutation import calls, networks, scans, training
from refseq.mutation.calls import Calls
from refseq.mutation.networks import Network

Subject = Network | Calls


@dataclass(frozen=True)
class Case:
    """A subject by name, made when it is needed. ``general``: it judges the machinery that all networks share, and not
    only the files of its cell."""

    name: str
    make: Callable[[], Subject]
    general: bool = True


def _all() -> Iterator[Case]:
    for name, make in networks.GENERAL.items():
        yield Case(name, make)
    for name, make in networks.options().items():
        yield Case(name, make, general=False)
    for name, make in training.LOSSES.items():
        yield Case(name, make)
    for name, found in (calls.CALLS | scans.CALLS | training.CALLS).items():
        yield Case(name, lambda found=found: found)


@cache
def cases() -> dict[str, Case]:
    """Every case by name."""
    return {case.name: case for case in _all()}
