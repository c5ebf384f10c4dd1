"""The gate in a process of its own, with numba's JIT off: reads a request, writes a line of JSON for every verdict.

    NUMBA_DISABLE_JIT=1 python -m refseq.mutation.server < request.json

The request: see ``refseq.mutation.report.Request``.
"""

import json
import random
import signal
import sys
import warnings
from dataclasses import asdict
from typing import Any

from numba.core import config


def serve(request: dict[str, Any]) -> None:
    """Judge and report."""
    from refseq.mutation.equivalents import load
    from refseq.mutation.gate import Gate

    warnings.simplefilter("ignore")  # mutants divide by zero
    known = load()
    hopeless = (lambda mutant: False) if request["thorough"] else (lambda mutant: known.of(mutant) is not None)
    gate = Gate(request["modules"], request["operators"], request["without"], hopeless)
    wrong = gate.control()
    if wrong:
        sys.exit(f"the unmutated source does not pass: {wrong}")
    mutants = gate.mutants
    if request["limit"] is not None and request["limit"] < len(mutants):
        mutants = random.Random(request["seed"]).sample(mutants, request["limit"])
    _say({"mutants": [asdict(mutant) for mutant in gate.mutants], "judged": len(mutants)})
    for verdict in gate.judge(mutants, request["workers"]):
        _say(asdict(verdict))


def _say(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if not getattr(config, "DISABLE_JIT", 0):
        sys.exit("refseq.mutation.server: needs NUMBA_DISABLE_JIT=1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    serve(json.load(sys.stdin))
