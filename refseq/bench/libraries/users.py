"""The user's own kernel: anything that ``refseq verify`` can judge, timed as it is."""

from collections.abc import Mapping
from typing import Any

from refseq.bench.cases import Case, LayerCase, named_gradients, named_run
from refseq.bench.libraries.library import Library, Pass
from refseq.checks.implementation import NotOffered


class Users(Library):
    """An ``Implementation``, or a function that makes one of a layer, by the name it was asked for.

    forward is its ``forward``, both its ``vjp`` alone, which runs forward itself; numpy in and numpy out.
    """

    def __init__(self, name: str, found: Any) -> None:
        self.name, self.found = name, found

    def version(self) -> str:
        """It has none."""
        return ""

    def use(self, threads: int) -> str:
        """Its threads are its own affair; the environment says how many there should be."""
        return f"OMP_NUM_THREADS and NUMBA_NUM_THREADS = {threads}"

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not isinstance(case, LayerCase):
            raise NotOffered("an implementation has layers alone")
        layer = case.layer
        fixed = getattr(self.found, "layer", None)
        if fixed is not None and not isinstance(self.found, type) and fixed != layer:
            raise NotOffered(f"{self.name} has a layer of its own, {fixed}")
        its = self.found if fixed is not None and not isinstance(self.found, type) else self.found(layer)
        zeros = {name: 0 * value for name, value in inputs.state.items()}

        def forward() -> Any:
            return its.forward(inputs.params, inputs.x, inputs.state, None)

        def both() -> Any:
            return its.vjp(inputs.params, inputs.x, inputs.state, None, inputs.dy, zeros)

        offered = {"forward": Pass(forward, lambda result: named_run(*result))}
        try:
            both()
        except NotOffered:
            return offered
        return offered | {"both": Pass(both, lambda result: named_gradients(*result))}
