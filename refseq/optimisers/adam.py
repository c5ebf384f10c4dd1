"""Adam: running mean and root mean square of the gradient, both corrected for having started at 0.

g' = g + decay p                                  Adam       p' = p
g' = g                                            AdamW      p' = p - rate decay p        (decoupled)
m1 = m + (1 - beta_1) (g' - m)
v1 = beta_2 v + (1 - beta_2) g'^2                 AMSGrad    u1 = max(u, v1), and u1 for v1 in the last line
p1 = p' - rate / (1 - beta_1^t) m1 / (sqrt(v1) / sqrt(1 - beta_2^t) + epsilon)

D. Kingma, J. Ba, ICLR 2015, algorithm 1; I. Loshchilov, F. Hutter, ICLR 2019, algorithm 2; S. Reddi, S. Kale, S. Kumar,
ICLR 2018, algorithm 2.
"""

from dataclasses import dataclass

from numba.extending import register_jitable

from refseq import arguments
from refseq.optimisers.optimiser import Optimiser, Rule, fraction, not_negative
from refseq.optimisers.sgd import decayed
from refseq.primitives import larger, sqrt


@register_jitable
def moments(g, m, v, fresh_mean, keep, fresh):
    """The running mean and mean square."""
    return m + fresh_mean * (g - m), keep * v + fresh * g * g


@register_jitable
def adam(p, g, s, h):
    """``shrink`` is 1 - rate decay for AdamW, else 1; ``decay`` is 0 for AdamW."""
    m, v = s
    rate, shrink, decay, fresh_mean, keep, fresh, root, epsilon = h
    m1, v1 = moments(decayed(p, g, decay), m, v, fresh_mean, keep, fresh)
    return shrink * p - rate * m1 / (sqrt(v1) / root + epsilon), (m1, v1)


@register_jitable
def amsgrad(p, g, s, h):
    """Adam with the largest mean square so far."""
    m, v, u = s
    rate, shrink, decay, fresh_mean, keep, fresh, root, epsilon = h
    m1, v1 = moments(decayed(p, g, decay), m, v, fresh_mean, keep, fresh)
    u1 = larger(u, v1)
    return shrink * p - rate * m1 / (sqrt(u1) / root + epsilon), (m1, v1, u1)


@dataclass(frozen=True)
class Adam(Optimiser):
    """Adam; the options are those of torch.optim.Adam, and with decoupled=True (the default of AdamW's decay is not
    taken over) of torch.optim.AdamW. Raises TypeError or ValueError naming an option."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    amsgrad: bool = False

    def __post_init__(self) -> None:
        for name in ("learning_rate", "epsilon", "weight_decay"):
            not_negative(name, getattr(self, name))
        for name in ("beta_1", "beta_2"):
            fraction(name, getattr(self, name))
        for name in ("decoupled", "amsgrad"):
            arguments.flag(name, getattr(self, name))

    @property
    def buffers(self) -> tuple[str, ...]:
        """Mean, mean square, and the largest mean square for AMSGrad."""
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    @property
    def rule(self) -> Rule:
        """The formula."""
        return amsgrad if self.amsgrad else adam

    def rates(self, step: int, learning_rate: float) -> tuple[float, ...]:
        """See the rules."""
        penalty, shrink = (0.0, 1.0 - learning_rate * self.weight_decay) if self.decoupled else (self.weight_decay, 1.0)
        rate = learning_rate / (1.0 - self.beta_1**step)
        root = (1.0 - self.beta_2**step) ** 0.5
        return rate, shrink, penalty, 1.0 - self.beta_1, self.beta_2, 1.0 - self.beta_2, root, self.epsilon

    @property
    def default_rate(self) -> float:
        """The learning rate of the options."""
        return self.learning_rate
