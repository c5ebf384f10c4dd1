"""The process that measures: a plan comes in on stdin, events go out on what was stdout, one line of JSON each.

Whatever libraries print goes to stderr.
"""

import json
import os
import sys

from refseq.bench.measure import measure
from refseq.bench.plans import plan


def main() -> None:
    """Measure the plan on stdin."""
    from refseq.cli.rows import load

    given = plan(json.load(sys.stdin))
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        for event in measure(given, load):
            out.write(json.dumps(event) + "\n")
            out.flush()
