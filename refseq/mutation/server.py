"""The gate in a process of its own, with numba's JIT off: reads a request, writes a line of JSON for every verdict.

    NUMBA_DISABLE_JIT=1 python -m refseq.mutation.server < request.json

The request: modules, operators, without (oracles that are not asked), limit (mutants, drawn at random by ``seed``; None
for all), workers.
"""

import json
import random
import signal
import sys
from dataclasses import asdict
from typing import Any

import numba


def serve(request: dict[str, Any]) -> None:
    """Judge and report."""
    from refseq.mutation.gate import Gate

    gate = Gate(request["modules"], request["operators"], request["without"])
    mutants = gate.mutants
    if request["limit"] is not None and request["limit"] < len(mutants):
        mutants = random.Random(request["seed"]).sample(mutants, request["limit"])
    _say({"mutants": [asdict(mutant) for mutant in gate.mutants], "judged": len(mutants)})
    for verdict in gate.judge(mutants, request["workers"]):
        _say(asdict(verdict))


def _say(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    if not numba.config.DISABLE_JIT:
        sys.exit("refseq.mutation.server: needs NUMBA_DISABLE_JIT=1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    serve(json.load(sys.stdin))
