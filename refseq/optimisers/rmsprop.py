"""RMSprop: the step is divided by the running root mean square of the gradient.

g' = g + decay p
v1 = smoothing v + (1 - smoothing) g'^2
m1 = m + (1 - smoothing) (g' - m)                       centred only; else m1 = 0
b1 = momentum b + g' / (sqrt(v1 - m1^2) + epsilon)
p1 = p - rate b1

T. Tieleman, G. Hinton, Lecture 6.5, COURSERA 2012; centred and with momentum: A. Graves, arXiv:1308.0850, eqs. 38-45.
"""

from dataclasses import dataclass

from numba.extending import register_jitable

from refseq import arguments
from refseq.optimisers.optimiser import Optimiser, Rule, fraction, not_negative
from refseq.optimisers.sgd import decayed
from refseq.primitives import relu, sqrt


@register_jitable
def rmsprop(p, g, s, h):
    """Not centred."""
    v, b = s
    rate, decay, smoothing, fresh, epsilon, momentum = h
    g1 = decayed(p, g, decay)
    v1 = smoothing * v + fresh * g1 * g1
    b1 = momentum * b + g1 / (sqrt(v1) + epsilon)
    return p - rate * b1, (v1, b1)


@register_jitable
def centred_rmsprop(p, g, s, h):
    """Divided by the standard deviation; relu, as rounding may make the variance of a constant negative."""
    v, m, b = s
    rate, decay, smoothing, fresh, epsilon, momentum = h
    g1 = decayed(p, g, decay)
    v1 = smoothing * v + fresh * g1 * g1
    m1 = m + fresh * (g1 - m)
    b1 = momentum * b + g1 / (sqrt(relu(v1 - m1 * m1)) + epsilon)
    return p - rate * b1, (v1, m1, b1)


@dataclass(frozen=True)
class RMSprop(Optimiser):
    """RMSprop; the options are those of torch.optim.RMSprop. Raises TypeError or ValueError naming an option."""

    learning_rate: float = 0.01
    smoothing: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centred: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("learning_rate", "epsilon", "weight_decay"):
            not_negative(name, getattr(self, name))
        for name in ("smoothing", "momentum"):
            fraction(name, getattr(self, name))
        arguments.flag("centred", self.centred)

    @property
    def buffers(self) -> tuple[str, ...]:
        """Mean square, mean if centred, velocity."""
        return ("square", "mean", "momentum") if self.centred else ("square", "momentum")

    @property
    def rule(self) -> Rule:
        """The formula."""
        return centred_rmsprop if self.centred else rmsprop

    def rates(self, step: int, learning_rate: float) -> tuple[float, ...]:
        """See the rules."""
        fresh = 1.0 - self.smoothing
        return learning_rate, self.weight_decay, self.smoothing, fresh, self.epsilon, self.momentum

    @property
    def default_rate(self) -> float:
        """The learning rate of the options."""
        return self.learning_rate
