"""Random expressions over any number field: every operation that Dual and Node define, and every primitive."""

import numpy as np

from refseq.primitives import TRANSCENDENTAL, exp, log, sigmoid

UNARY = ("neg", "two", "rest", "inverse", "third", *TRANSCENDENTAL)
BINARY = ("add", "sub", "mul", "div")


def expression(seed: int, size: int = 12):
    """A function of a list of numbers: a random straight-line program in which everything is used."""
    rng = np.random.default_rng(seed)
    program = []
    for line in range(size):
        operation = rng.choice(UNARY if rng.random() < 0.5 else BINARY)
        program.append((str(operation), *rng.integers(0, 3 + line, 2)))

    def run(numbers):
        values = list(numbers)
        for operation, i, j in program:
            values.append(OPERATIONS[operation](values[i], values[j]))
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    return run


def _positive(a):
    return exp(log(sigmoid(a))) + 1


OPERATIONS = {
    "neg": lambda a, b: -a,
    "two": lambda a, b: 2 * a + 1,
    "rest": lambda a, b: 1 - a,
    "inverse": lambda a, b: 1 / _positive(a),
    "third": lambda a, b: (a - 2) / 3,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: sigmoid(a) * b,
    "div": lambda a, b: a / _positive(b),
    **{name: lambda a, b, f=function: f(a) for name, function in TRANSCENDENTAL.items() if name not in ("exp", "log")},
    "exp": lambda a, b: exp(sigmoid(a)),
    "log": lambda a, b: log(_positive(a)),
}
"""By name; the arguments are kept in ranges in which nothing overflows."""
