"""What the oracle, the error budget and the finite field see of anything that is judged: a differentiable function from
named arrays to named arrays that runs over any number field, and a point at which it is looked at.

Names: a value is called x, W_hx, state[h]; its gradient has a ``d`` before that, dx, dW_hx, dstate[h].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

Arrays = dict[str, np.ndarray]
Named = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Function:
    """forward(values, constants, target) -> (results, record): constants are of the same field as values, and nothing
    is derived by them. backward(record, cotangents of the results) -> gradients, by their own names."""

    forward: Callable[[Named, Named, str], tuple[Arrays, Any]]
    backward: Callable[[Any, Named], Arrays]

    def everything(self, values: Named, constants: Named, cotangents: Named, target: str = "reference") -> Arrays:
        """Results and gradients by name."""
        results, record = self.forward(values, constants, target)
        return results | self.backward(record, cotangents)


class Posed(Protocol):
    """A question with one right answer: the function's results, and gradients of the sum of cotangents * results."""

    @property
    def layer(self) -> Any:
        """Whose function it is; says where in a tensor a gate, a unit or a row lies (``refseq.checks.tensors``)."""
        ...

    @property
    def dtype(self) -> str:
        """The precision in which it is answered."""
        ...

    @property
    def label(self) -> str:
        """What to call it in a finding."""
        ...

    @property
    def function(self) -> Function:
        """What is asked about."""
        ...

    @property
    def values(self) -> Named:
        """Where."""
        ...

    @property
    def constants(self) -> Named:
        """What else the function is given: no gradient is asked for."""
        ...

    @property
    def cotangents(self) -> Named:
        """Of every result."""
        ...


@dataclass(frozen=True, eq=False)
class Point:
    """A ``Posed`` question as it is."""

    layer: Any
    dtype: str
    label: str
    function: Function
    values: Named
    cotangents: Named
    constants: Named = field(default_factory=dict)


def gradients(params: Named) -> Arrays:
    """Of parameters, by their names as gradients."""
    return {f"d{name}": value for name, value in params.items()}
