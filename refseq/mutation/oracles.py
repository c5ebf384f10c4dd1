"""The questions that are put to a mutant: each can kill it.

values        results over rigorous balls: do they overlap the enclosures of the unmutated source? (Of calls: what
              they return, bit for bit and residue for residue.)
finite field  is VJP the transposed JVP over GF(2^61 - 1), exactly? (``refseq.checks``; needs no recorded value)
gradients     gradients over balls: do they overlap those that a reverse tape gave of the unmutated forward source?
padding       do NaN beyond the lengths change a bit?
description   are shapes, the names of blocks, formulas and initial parameters as recorded?
identities    of calls: is <w, A v> = <A^T w, v>, exactly?
pieces        do checkpoints, or their absence, change a bit? does a forest in small pieces?
lanes         do two threads in lockstep, in either order, give the bits of one?

The first is what the tests ask of every recurrence with textbook code for the other side: they hold that the recorded
values are the textbook's. No question has a tolerance.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from refseq.arrays import lift
from refseq.checks.exact import balls_of
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Arrays
from refseq.fields.ball import precision
from refseq.mutation.calls import Calls, plain
from refseq.mutation.lockstep import lockstep
from refseq.mutation.networks import Network
from refseq.networks import tree_kernels
from refseq.targets import host

BITS = 192
NARROW = arb(2) ** -90
"""Relative width at which a ball says what a number is; as narrow as a double is beyond 2^-53."""


@dataclass(frozen=True)
class Recorded:
    """What the unmutated source computes: enclosures of a network's results and gradients (or what calls returned);
    what it says of itself, and the seconds of one run."""

    results: dict[str, Any]
    gradients: Arrays
    described: dict[str, str]
    seconds: float


def record(subject: Network | Calls) -> Recorded:
    """Run the unmutated source."""
    if isinstance(subject, Calls):
        start = time.process_time()
        results = _plain(subject)
        return Recorded(results, {}, {}, time.process_time() - start)
    with precision(BITS):
        balls = balls_of(subject.point)
    results = {name: balls.pop(name) for name in subject.cotangents}
    start = time.process_time()
    _back(subject, _forth(subject, arb)[1], arb)
    return Recorded(results, balls, _described(subject), time.process_time() - start)


def run_once(subject: Network | Calls) -> None:
    """Run everything that the questions run, on floats, and what describes the layer."""
    if isinstance(subject, Calls):
        subject.results()
    else:
        _floats(subject)
        _described(subject)


def _plain(calls: Calls) -> dict[str, Any]:
    return {name: plain(value) for name, value in calls.results().items()}


def _forth(network: Network, number: Callable[[Any], Any]) -> tuple[Arrays, Any]:
    return network.function.forward({k: lift(v, number) for k, v in network.values.items()}, {}, "reference")


def _back(network: Network, run: Any, number: Callable[[Any], Any]) -> Arrays:
    return network.function.backward(run, {k: lift(v, number) for k, v in network.cotangents.items()})


def _floats(network: Network) -> Arrays:
    results, run = _forth(network, float)
    return results | _back(network, run, float)


def differing(ours: Arrays, recorded: Arrays) -> list[str]:
    """Names of the tensors that do not enclose the recorded values narrowly."""
    if ours.keys() != recorded.keys():
        return sorted(ours.keys() ^ recorded.keys())
    return [name for name, value in ours.items() if not _same(value, recorded[name])]


def _same(ours: np.ndarray, recorded: np.ndarray) -> bool:
    if ours.shape != recorded.shape:
        return False
    pairs = zip(map(arb, ours.flat), recorded.flat, strict=True)
    return all(a.overlaps(b) and bool(a.rad() < NARROW * (1 + abs(a.mid()))) for a, b in pairs)


def values(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text; every oracle returns the tensors that are wrong."""
    with precision(BITS):
        return differing(_forth(network, arb)[0], recorded.results)


def finite_field(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    return not_transposed(network.point)


def gradients(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    with precision(BITS):
        _, run = _forth(network, arb)
        return differing(_back(network, run, arb), recorded.gradients)


def padding(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    if not network.beyond:
        return []

    def spoiled(arrays: Arrays) -> Arrays:
        found = {name: value.copy() for name, value in arrays.items()}
        for name in found.keys() & network.beyond.keys():
            found[name][network.beyond[name]] = np.nan
        return found

    poisoned = Network(network.layer, network.function, spoiled(network.values), spoiled(network.cotangents), {})
    return _other_bits(_floats(network), _floats(poisoned))


def lanes(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    alone, found = _floats(network), []
    for order in ((0, 1), (1, 0)):
        with lockstep(order):
            found += _other_bits(alone, _floats(network))
    return found


def _other_bits(ours: Arrays, theirs: Arrays) -> list[str]:
    def bits(array: np.ndarray) -> bytes:
        return array.astype(np.float64).tobytes()

    return [name for name, value in ours.items() if bits(value) != bits(theirs[name])]


def pieces(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    if network.other is None:
        return []
    cut = Network(network.layer, network.other, network.values, network.cotangents, {})
    return _other_bits(_floats(network), _floats(cut))


def returned(calls: Calls, recorded: Recorded) -> list[str]:
    """Of calls: do they return what is recorded, bit for bit and residue for residue?"""
    found = _plain(calls)
    return [name for name, value in found.items() if value != recorded.results[name]]


def identities(calls: Calls, recorded: Recorded) -> list[str]:
    """Of calls: do the two sides of every identity agree?"""
    return [name for name, ours, theirs in calls.identities() if plain(ours) != plain(theirs)]


def description(network: Network, recorded: Recorded) -> list[str]:
    """See the module's text."""
    found = _described(network)
    return [name for name, value in found.items() if value != recorded.described.get(name)]


def _described(network: Network) -> dict[str, str]:
    """What a layer says of itself: parts with the shapes and the blocks' names of every parameter, initial values."""
    layer = network.layer
    if layer is None:
        return {}
    drawn = {name: value.tobytes().hex() for name, value in layer.initialise(seed=1).items()}
    parts = getattr(layer, "parts", None) or (layer.part,)
    said = {"shapes": [part.shapes() for part in parts], "blocks": [part.blocks() for part in parts]}
    said |= {
        "equations": [part.cell.equations for part in parts],
        "label": [str(layer), *(part.cell.label for part in parts)],
    }
    said |= {"cell": [(part.cell.gates, part.cell.history, part.cell.layout.matrices) for part in parts]}
    return drawn | {name: repr(value) for name, value in said.items()}


def compile_nothing() -> None:
    """Spare the digests of the source that numba's cache needs: in this process nothing is compiled."""
    host.source_digest = tree_kernels.source_digest = lambda *_: "interpreted"  # type: ignore[assignment]


Oracle = Callable[[Any, Recorded], list[str]]

OF_NETWORKS: dict[str, Oracle] = {
    "values": values,
    "finite field": finite_field,
    "gradients": gradients,
    "description": description,
    "padding": padding,
    "pieces": pieces,
    "lanes": lanes,
}
OF_CALLS: dict[str, Oracle] = {"values": returned, "identities": identities}
"""The questions in the order in which they are put."""

ORACLES = (*OF_NETWORKS, "identities")
SLOW = {"finite field": 10, "padding": 3, "pieces": 3, "lanes": 60}
"""How many times longer than one run a question may take."""


def oracle(name: str, subject: Network | Calls) -> Oracle | None:
    """The question of this name, if it is put to such a subject."""
    return (OF_CALLS if isinstance(subject, Calls) else OF_NETWORKS).get(name)
