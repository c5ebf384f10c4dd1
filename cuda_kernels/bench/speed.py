"""Layers timed side by side: who computes something else is refused, not timed."""

import time
from typing import Any

from cuda_kernels.bench.cases import DeviceCase, cases
from cuda_kernels.bench.clock import timed
from cuda_kernels.bench.flash import Flash
from cuda_kernels.bench.peers import Own, Torch
from refseq.bench.measure import FAILED, NOT_OFFERED, REFUSED, TIMED
from refseq.checks.implementation import NotOffered

Peer = Own | Torch | Flash


def everything(tiny: bool, until: float, seconds: float) -> dict[str, Any]:
    """All cases that begin before the clock (``time.monotonic``) says ``until``, each pass for about so many seconds:
    ``peers`` with their versions or what is missing, ``measurements``, and the cases that were ``left``."""
    peers: list[Peer] = [Own(), Torch(), Flash(False), Flash(True)]
    there = [peer for peer in peers if peer.missing() is None]
    found, waiting = [], cases(tiny)
    while waiting and time.monotonic() < until:
        case = waiting.pop(0)
        found += [_measured(case, peer, seconds) for peer in there]
    about = {peer.name: peer.missing() or peer.version() for peer in peers}
    return {"peers": about, "measurements": found, "left": [case.key for case in waiting]}


def _measured(case: DeviceCase, peer: Peer, seconds: float) -> dict[str, Any]:
    event: dict[str, Any] = {**case.to_dict(), "peer": peer.name}
    try:
        passes = peer.prepare(case)
        error, limit = case.judged({name: one.read(one.call()) for name, one in passes.items()})
    except NotOffered as refusal:
        return event | {"status": NOT_OFFERED, "reason": str(refusal)}
    except Exception as error:  # noqa: BLE001 - other people's code; the table says what it raised
        return event | {"status": FAILED, "reason": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}
    judgement = {"error": error, "limit": limit}
    if not error <= limit:
        return event | judgement | {"status": REFUSED, "reason": f"error {error:.1e}, allowed {limit:.1e}"}
    times = {name: timed(one.call, seconds) for name, one in passes.items()}
    return event | judgement | {"status": TIMED, "passes": times}
