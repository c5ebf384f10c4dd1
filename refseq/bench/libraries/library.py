"""What a library offers to be timed.

Everything is prepared outside the timed part: tensors, modules and sessions are the library's own, programs are
compiled. The function that is timed is the very function whose result is checked.
"""

import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from refseq.bench.cases import Arrays, Case


@dataclass(frozen=True)
class Pass:
    """``call`` is timed, and returns when its results are there; ``read`` makes refseq's arrays of what it returned."""

    call: Callable[[], Any]
    read: Callable[[Any], Arrays]


class Library(ABC):
    """A library by ``name``; ``packages`` are what it needs, ``extra`` is the extra of refseq that installs them."""

    name: str
    packages: tuple[str, ...] = ()
    extra: str = ""

    def missing(self) -> str | None:
        """None if it is installed, else which packages are not and the command that installs them."""
        absent = [package for package in self.packages if importlib.util.find_spec(package) is None]
        if not absent:
            return None
        return f"{' and '.join(absent)} not installed: pip install 'refseq[{self.extra}]'"

    def version(self) -> str:
        """Of its last package."""
        return importlib.metadata.version(self.packages[-1])

    def fits(self, case: Case) -> bool:
        """Whether to look at it for this case where nobody has asked for it by name."""
        return True

    @abstractmethod
    def use(self, threads: int) -> str:
        """Set the number of threads, and say the setting as it is afterwards."""

    @abstractmethod
    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """The passes of the case that the library has, ready to be called. Raises NotOffered if it has none."""
