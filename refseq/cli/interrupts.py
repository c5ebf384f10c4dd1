"""Ctrl-C that cannot get lost.

Python raises KeyboardInterrupt wherever it happens to be. In a callback from compiled code (the compilers of numba and
JAX have some) the exception is printed and dropped, and the run would go on: so it is also noted, and looked for after
every check.
"""

import signal
from types import TracebackType
from typing import Any

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class Interrupts:
    """While this context is open, ``check`` raises KeyboardInterrupt if Ctrl-C was pressed."""

    def __init__(self) -> None:
        self._seen, self._before = False, None

    def __enter__(self) -> "Interrupts":
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_: Any) -> None:
        self._seen = True
        raise KeyboardInterrupt

    def check(self, *_: Any) -> None:
        """Raise KeyboardInterrupt if one was seen."""
        if self._seen:
            raise KeyboardInterrupt
