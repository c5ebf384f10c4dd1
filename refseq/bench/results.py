"""Results of a run: collected from events, written as JSON and read again.

    schema        the version of this form; a reader refuses every other
    date, environment, threads, timing
    libraries     by name: version, and how the threads were set
    ceilings      by number of threads: GFLOP/s of a matrix product by dtype, bytes per second of memory
    measurements  one for each library and case: status, reason, error and limit, and of every pass the median, q1, q3,
                  min and samples in seconds, flops, bytes
    memory        bytes by library, case and pass
    interrupted   whether Ctrl-C ended the run

There is no host name and no path in it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from refseq.bench.measure import TIMED, Event

SCHEMA = 1


@dataclass
class Results:
    """What was measured so far."""

    environment: dict[str, Any]
    date: str
    threads: int
    timing: dict[str, Any]
    libraries: dict[str, dict[str, str]] = field(default_factory=dict)
    ceilings: dict[str, dict[str, Any]] = field(default_factory=dict)
    measurements: list[Event] = field(default_factory=list)
    memory: list[Event] = field(default_factory=list)
    interrupted: bool = False

    def add(self, event: Event, threads: int) -> None:
        """Take in an event of a plan with this many threads; titles are for somebody else."""
        kind, rest = event["event"], {key: value for key, value in event.items() if key != "event"}
        if kind == "library":
            if threads == self.threads:
                self.libraries[rest.pop("name")] = rest
        elif kind == "ceiling":
            before = self.ceilings.get(str(threads))
            self.ceilings[str(threads)] = rest if before is None else best(before, rest)
        elif kind == "measurement":
            self.measurements.append(rest)
        elif kind == "memory":
            self.memory.append(rest)

    def timed(self) -> list[Event]:
        """The measurements that have times."""
        return [one for one in self.measurements if one["status"] == TIMED]

    def peak(self, threads: int, dtype: str) -> float:
        """GFLOP/s of the matrix product; NaN if it was not measured."""
        found = self.ceilings.get(str(threads), {}).get("gemm", {}).get(dtype)
        return found["gflops"] if found else float("nan")

    def needed(self, library: str, key: str) -> int | None:
        """Bytes of peak memory of a library on a case, if they were measured."""
        found = [one["bytes"] for one in self.memory if (one["library"], one["key"]) == (library, key)]
        return found[0] if found else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": SCHEMA, **vars(self)}


def best(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The better rates of two ceilings."""
    gemm = dict(one["gemm"])
    for dtype, found in other["gemm"].items():
        if dtype not in gemm or found["gflops"] > gemm[dtype]["gflops"]:
            gemm[dtype] = found
    moves = (one["memory"], other["memory"])
    return {"gemm": gemm, "memory": max(moves, key=lambda move: move["bytes_per_second"])}


def read(path: Path) -> Results:
    """A file that ``refseq bench --json`` wrote. Raises ValueError saying what is wrong with it, OSError."""
    try:
        content = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON of refseq bench, got {error}") from error
    if not isinstance(content, dict) or "schema" not in content:
        raise ValueError(f"{path}: expected JSON of refseq bench, which has a schema; got none")
    if content.pop("schema") != SCHEMA:
        raise ValueError(f"{path}: expected schema {SCHEMA}, got {json.loads(path.read_text())['schema']!r}")
    try:
        return Results(**content)
    except TypeError as error:
        raise ValueError(f"{path}: expected JSON of refseq bench, schema {SCHEMA}; {error}") from error
