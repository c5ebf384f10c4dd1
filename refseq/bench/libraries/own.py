"""refseq's target "cpu", through its public functions."""

from collections.abc import Mapping
from typing import Any

import numba

from refseq import __version__
from refseq.bench.cases import Case, Inputs, LayerCase, named_gradients, named_run
from refseq.bench.libraries.library import Library, Pass
from refseq.bench.operations import OperationCase, as_named, own_call
from refseq.bench.structures import StructureCase, own_calls, read_both, read_run
from refseq.checks.implementation import NotOffered


class Own(Library):
    """The public API: arguments are checked and copied within the timed part, as for every user."""

    name = "refseq"

    def version(self) -> str:
        """See ``Library``."""
        return __version__

    def use(self, threads: int) -> str:
        """See ``Library``."""
        numba.set_num_threads(threads)
        return f"numba.get_num_threads() = {numba.get_num_threads()}"

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if isinstance(case, LayerCase):
            return _layer(case, inputs)
        if isinstance(case, OperationCase):
            return {"call": Pass(own_call(case, inputs), lambda result: as_named(case, result))}
        if isinstance(case, StructureCase):
            forward, both = own_calls(case, inputs)
            return {"forward": Pass(forward, read_run), "both": Pass(both, lambda result: read_both(case, result))}
        raise NotOffered(f"refseq has no {case.label}")


def _layer(case: LayerCase, given: Inputs) -> dict[str, Pass]:
    layer = case.layer
    bound = layer.bind(given.params)

    def forward() -> Any:
        return bound.forward(given.x, given.state)

    def both() -> Any:
        run = layer.forward(given.params, given.x, given.state, target="cpu")
        return run, layer.backward(run, given.dy)

    def read(result: Any) -> Any:
        run, grads = result
        return named_run(run.y, run.state) | named_gradients(grads.params, grads.x, grads.state)

    return {"forward": Pass(forward, lambda run: named_run(run.y, run.state)), "both": Pass(both, read)}
