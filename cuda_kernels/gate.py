"""The compile gate: every kernel becomes machine code for every device family, without a device, and within its budget.

Red is what a kernel must not have (``offline.Report.faults``), what it costs beyond its budget, and a kernel without a
line in the budget or a line without a kernel.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cuda_kernels import budget
from cuda_kernels.budget import FAMILIES, Budget
from cuda_kernels.inventory import Entry
from cuda_kernels.offline import Capability, Report, compile_kernel, signature


@dataclass(frozen=True)
class Compiled:
    """A kernel with a report for each family, but for those that are ``skipped``: it needs a newer device."""

    entry: Entry
    reports: tuple[Report, ...]
    skipped: tuple[Capability, ...] = ()

    @property
    def key(self) -> budget.Key:
        """What its line in the budget is found by."""
        return self.entry.name, self.entry.dtype

    def red(self, allowed: Budget | None) -> list[str]:
        """What is wrong; without a budget costs are not judged."""
        single = self.entry.single
        found = [
            f"{budget.family(report.capability)}: {fault}" for report in self.reports for fault in report.faults(single)
        ]
        if self.entry.capability > (0, 0) and not all(report.matrices for report in self.reports):
            found.append("it needs tensor cores, and has no mma.sync")
        return found + (budget.beyond(self.key, self.reports, allowed) if allowed is not None else [])


def compiled(entries: Iterable[Entry], families: Sequence[Capability] = FAMILIES) -> Iterator[Compiled]:
    """Compile one kernel after another. Raises RuntimeError without a compiler."""
    for entry in entries:
        chosen = [family for family in families if family >= entry.capability]
        reports = compile_kernel(entry.kernel, signature(*entry.arguments), chosen) if chosen else []
        yield Compiled(entry, tuple(reports), tuple(family for family in families if family not in chosen))


def head(families: Sequence[Capability] = FAMILIES) -> str:
    """The first line of the table."""
    columns = "".join(f"{budget.family(capability):>11}" for capability in families)
    return f"{'kernel':52} {'precision':9}{columns}  stack spills float64 div64"


def line(kernel: Compiled) -> str:
    """A kernel's line: registers/shared memory for every family, then what should be 0; float64 counts only where a
    kernel should have none."""
    costs = ["-"] * len(kernel.skipped) + [f"{report.registers}/{report.shared}" for report in kernel.reports]
    cells = "".join(f"{cost:>11}" for cost in costs)
    single = kernel.entry.single
    worst = [
        max((report.stack for report in kernel.reports), default=0),
        max((report.spills for report in kernel.reports), default=0),
        max((len(report.float64) for report in kernel.reports), default=0) if single else 0,
        max((len(report.divisions) for report in kernel.reports), default=0),
    ]
    return f"{kernel.entry.name:52} {kernel.entry.dtype:9}{cells}{worst[0]:7}{worst[1]:7}{worst[2]:8}{worst[3]:6}"


def judge(kernels: Iterable[Compiled], allowed: Budget | None, say: Callable[[str], object]) -> list[Compiled]:
    """Print the table; the kernels that are red."""
    say(head())
    red = []
    for kernel in kernels:
        say(line(kernel))
        least = ".".join(map(str, kernel.entry.capability))
        for family in kernel.skipped:
            say(f"    {budget.family(family)}: skipped, it needs tensor cores of compute capability {least}")
        faults = kernel.red(allowed)
        for fault in faults:
            say(f"    {fault}")
        red += [kernel] * bool(faults)
    return red
