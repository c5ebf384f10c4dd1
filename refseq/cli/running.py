"""Doing pieces of work in this process or in several, with a bar that says how far it is."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from refseq.cli.interrupts import Interrupts
from refseq.cli.progress import progress_bar
from refseq.cli.work import Work
from refseq.cli.workers import WorkerDied, in_this_process, in_workers

STOPPED = "interrupted"
"""What is said after Ctrl-C."""


def run(
    console: Console, make: Callable[[Any], Sequence[Work]], selection: Any, work: Sequence[Work], jobs: int
) -> tuple[dict[int, Any], str]:
    """All results of ``make(selection)``, which is ``work``, by its numbers and in their order, and ""; or those that
    were there when Ctrl-C came or a worker died, and what happened."""
    found: dict[int, Any] = {}
    trouble = ""
    with progress_bar(console) as bar, Interrupts() as seen:
        task = bar.add_task("", total=len(work))
        try:
            several = jobs > 1 and len({item.group for item in work}) > 1
            events = (
                in_workers(make, selection, work, jobs, seen.check) if several else in_this_process(work, seen.check)
            )
            for event in events:
                if event.done:
                    found[event.number] = event.result
                    bar.advance(task)
                else:
                    bar.update(task, description=event.title)
        except KeyboardInterrupt:
            trouble = STOPPED
        except WorkerDied as news:
            trouble = str(news)
    return dict(sorted(found.items())), trouble
