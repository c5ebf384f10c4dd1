"""How far a command is: a bar on a terminal, the standard error's if output goes elsewhere; where neither is a
terminal, a line a minute on the standard error."""

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

EVERY = 60.0
"""Seconds between two lines."""
CALM = 0.5
"""Times a second that a bar is redrawn where one that moves takes time from what is timed."""


def progress_bar(on: Console, per_second: float = 10) -> Progress:
    """What is done now, how much of it, and since when; ``on``: where the results will be."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    for console in (on, Console(stderr=True)):
        if console.is_terminal:
            return Progress(*columns, console=console, transient=True, refresh_per_second=per_second)
    return _Lines(disable=True)


class _Lines(Progress):
    """Told in lines: commands that run for half an hour are often run where nobody sees a bar."""

    def __init__(self, **options: Any) -> None:
        self._last = time.monotonic()
        super().__init__(**options)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        super().update(task_id, **changes)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._tell(task_id)

    def _tell(self, task_id: TaskID) -> None:
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        (task,) = (one for one in self.tasks if one.id == task_id)
        done = f"{task.completed:.0f}" + (f" of {task.total:.0f}" if task.total is not None else "")
        since = time.strftime("%H:%M:%S", time.gmtime(task.elapsed or 0))
        print(f"{done} done in {since}; now: {task.description}", file=sys.stderr, flush=True)
