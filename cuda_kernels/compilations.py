"""The kernels of the compile gate as pieces of work for several processes (``refseq.cli.workers``)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cuda_kernels import inventory
from cuda_kernels.gate import Compiled, compiled
from cuda_kernels.inventory import Entry
from refseq.cli.work import Work
from refseq.cli.workers import in_this_process, in_workers


@dataclass(frozen=True)
class Selection:
    """``everything``, or what a commit waits for; of these the kernels whose name contains ``part``."""

    everything: bool
    part: str = ""

    def entries(self) -> list[Entry]:
        """The same ones in the same order in every process."""
        some = [inventory.entries(inventory.catalogue())] if self.everything else inventory.awaited()
        return [entry for entry in itertools.chain(*some) if self.part in entry.name]


@dataclass(frozen=True, eq=False)
class Compiling(Work):
    """A kernel, for every family."""

    entry: Entry

    @property
    def title(self) -> str:
        """Its name and precision."""
        return f"{self.entry.name} {self.entry.dtype}"

    def run(self, progress: Any = None) -> tuple:
        """What became of it; without the kernel, which is not sent from process to process."""
        (kernel,) = compiled([self.entry])
        return kernel.reports, kernel.skipped


def work(selection: Selection) -> list[Compiling]:
    """One piece for each kernel."""
    return [Compiling(entry) for entry in selection.entries()]


def kernels(selection: Selection, jobs: int = 1) -> Iterator[Compiled]:
    """All kernels of a selection, in so many processes, each as soon as it is done. Raises RuntimeError without a
    compiler, WorkerDied."""
    pieces = work(selection)
    several = jobs > 1 and len(pieces) > 1
    done = in_workers(work, selection, pieces, jobs, _nothing) if several else in_this_process(pieces, _no_news)
    for event in done:
        if event.done:
            yield Compiled(pieces[event.number].entry, *event.result)


def _nothing() -> None:
    pass


def _no_news(_: Any) -> None:
    pass
