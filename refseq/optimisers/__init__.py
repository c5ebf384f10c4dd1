"""Optimisers: immutable options, and a pure function from parameters, gradients and state to new ones.

SGD       stochastic gradient descent with momentum, also Nesterov's
RMSprop   steps divided by a running root mean square, also centred and with momentum
Adam      running mean and root mean square, also AdamW and AMSGrad
constant, step_decay, cosine, warm_up      learning rates as functions of the step number
"""

from refseq.optimisers.adam import Adam
from refseq.optimisers.optimiser import Optimiser
from refseq.optimisers.rmsprop import RMSprop
from refseq.optimisers.schedules import constant, cosine, step_decay, warm_up
from refseq.optimisers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimiser", "RMSprop", "constant", "cosine", "step_decay", "warm_up"]
