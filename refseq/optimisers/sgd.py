"""Stochastic gradient descent.

g' = g + decay p                                  (L2 penalty)
v1 = momentum v + (1 - dampening) g'              (the first step takes v1 = g')
p1 = p - rate v1                                  B. Polyak, 1964
p1 = p - rate (g' + momentum v1)                  Nesterov's; in the form of I. Sutskever et al., ICML 2013
"""

from dataclasses import dataclass

from numba.extending import register_jitable

from refseq import arguments
from refseq.optimisers.optimiser import Optimiser, Rule, fraction, not_negative


@register_jitable
def decayed(p, g, decay):
    """The gradient with that of the penalty decay p^2 / 2."""
    return g + decay * p


@register_jitable
def plain(p, g, s, h):
    """Without momentum."""
    rate, decay = h
    return p - rate * decayed(p, g, decay), ()


@register_jitable
def heavy_ball(p, g, s, h):
    """Momentum; ``fresh`` is 1 - dampening, and 1 at the first step."""
    (v,) = s
    rate, decay, momentum, fresh = h
    v1 = momentum * v + fresh * decayed(p, g, decay)
    return p - rate * v1, (v1,)


@register_jitable
def nesterov(p, g, s, h):
    """Momentum, looking ahead."""
    (v,) = s
    rate, decay, momentum, fresh = h
    g1 = decayed(p, g, decay)
    v1 = momentum * v + fresh * g1
    return p - rate * (g1 + momentum * v1), (v1,)


@dataclass(frozen=True)
class SGD(Optimiser):
    """Stochastic gradient descent; the options are those of torch.optim.SGD. Raises TypeError or ValueError naming an
    option; dampening and nesterov need momentum, and nesterov takes no dampening."""

    learning_rate: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        not_negative("learning_rate", self.learning_rate)
        not_negative("weight_decay", self.weight_decay)
        fraction("momentum", self.momentum)
        if arguments.number("dampening", self.dampening) and not self.momentum:
            raise ValueError(f"dampening: without momentum there is nothing to dampen, got {self.dampening}")
        if arguments.flag("nesterov", self.nesterov) and (self.dampening or not self.momentum):
            raise ValueError(
                f"nesterov: needs momentum and no dampening, got momentum={self.momentum}, dampening={self.dampening}"
            )

    @property
    def buffers(self) -> tuple[str, ...]:
        """The velocity, if there is momentum."""
        return ("momentum",) if self.momentum else ()

    @property
    def rule(self) -> Rule:
        """The formula."""
        if not self.momentum:
            return plain
        return nesterov if self.nesterov else heavy_ball

    def rates(self, step: int, learning_rate: float) -> tuple[float, ...]:
        """See the rules."""
        if not self.momentum:
            return learning_rate, self.weight_decay
        return learning_rate, self.weight_decay, self.momentum, 1.0 if step == 1 else 1.0 - self.dampening

    @property
    def default_rate(self) -> float:
        """The learning rate of the options."""
        return self.learning_rate
