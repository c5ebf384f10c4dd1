"""What every kernel may cost: registers per thread and shared memory per block, for each device family.

The file has one line for each kernel and precision, its name, the precision, and REGISTERS/SHARED for every family,
between tabs; "-" for a family that the kernel is too new for. What is in it was measured; ``python -m cuda_kernels
--renew`` writes it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cuda_kernels.offline import Capability, Report

FAMILIES: tuple[Capability, ...] = ((7, 5), (8, 0), (9, 0), (10, 0), (12, 0))
"""Turing, Ampere, Hopper, Blackwell of the data centre, Blackwell of the desk."""

FILE = Path(__file__).with_name("budget.tsv")

NONE = "-"

Key = tuple[str, str]


@dataclass(frozen=True)
class Cost:
    """Registers per thread, and bytes of shared memory per block."""

    registers: int
    shared: int


Budget = Mapping[Key, Mapping[Capability, Cost]]


def family(capability: Capability) -> str:
    """As NVIDIA writes it: ``sm_90``."""
    return "sm_{}{}".format(*capability)


def costs(reports: Iterable[Report]) -> dict[Capability, Cost]:
    """What a kernel costs on every family."""
    return {report.capability: Cost(report.registers, report.shared) for report in reports}


def read(path: Path = FILE) -> dict[Key, dict[Capability, Cost]]:
    """The budget by kernel and precision. Raises ValueError naming a line that is none."""
    head, *lines = path.read_text().splitlines()
    wanted = _head()
    if head != wanted:
        raise ValueError(f"{path.name}: expected the first line {wanted!r}, got {head!r}")
    found: dict[Key, dict[Capability, Cost]] = {}
    for number, line in enumerate(lines, 2):
        parts = line.split("\t")
        pairs = [part.split("/") for part in parts[2:]]
        good = len(pairs) == len(FAMILIES) and all(
            p == [NONE] or (len(p) == 2 and all(map(str.isdigit, p))) for p in pairs
        )
        if not good:
            raise ValueError(f"{path.name}, line {number}: expected name, precision, costs of {wanted}; got {line!r}")
        if (parts[0], parts[1]) in found:
            raise ValueError(f"{path.name}, line {number}: a second line for {parts[0]} {parts[1]}")
        found[parts[0], parts[1]] = {
            capability: Cost(*map(int, pair))
            for capability, pair in zip(FAMILIES, pairs, strict=True)
            if pair != [NONE]
        }
    return found


def write(budget: Budget, path: Path = FILE) -> None:
    """Replace the file."""
    lines = [_head()]
    for (name, dtype), kernel in sorted(budget.items()):
        costs = [kernel.get(capability) for capability in FAMILIES]
        cells = [NONE if cost is None else f"{cost.registers}/{cost.shared}" for cost in costs]
        lines.append("\t".join([name, dtype, *cells]))
    path.write_text("\n".join(lines) + "\n")


def _head() -> str:
    return "\t".join(["kernel", "precision", *map(family, FAMILIES)])


def beyond(key: Key, reports: Sequence[Report], budget: Budget) -> list[str]:
    """Where a kernel costs more than it may, and how much."""
    allowed = budget.get(key)
    if allowed is None:
        return ["it has no line in the budget"]
    found = []
    for capability, cost in costs(reports).items():
        if capability not in allowed:
            found.append(f"{family(capability)}: its line in the budget has nothing for this family")
            continue
        for name in ("registers", "shared"):
            got, most = getattr(cost, name), getattr(allowed[capability], name)
            if got > most:
                what = "registers" if name == "registers" else "bytes of shared memory"
                found.append(f"{family(capability)}: {got} {what}, {got - most} beyond the budget of {most}")
    return found


def differences(known: Iterable[Key], budget: Budget) -> list[str]:
    """Kernels without a line, and lines without a kernel."""
    known = set(known)
    missing = [f"{name} {dtype}: it has no line in the budget" for name, dtype in sorted(known - set(budget))]
    return missing + [f"{name} {dtype}: a line of no kernel" for name, dtype in sorted(set(budget) - known)]
