"""Central differences that know their own error: C. J. F. Ridders, Adv. Eng. Software 4 (1982), 75-76."""

from collections.abc import Callable, Sequence

SHRINK, LEVELS, FIRST_STEP = 2.0, 20, 0.05


def derivative(function: Callable[[float], float], noise: float) -> tuple[float, float]:
    """f'(0) and an estimate of its error; ``noise``: standard deviation of rounding errors in f.

    Steps shrink geometrically. All levels are computed: a kink of relu spoils only the steps that reach it. One that
    lies nearer than a few of the smallest steps (1e-7) is not noticed, and the estimate is then too small.
    """
    steps = [FIRST_STEP / SHRINK**k for k in range(LEVELS)]
    return extrapolated([(function(step) - function(-step)) / (2 * step) for step in steps], steps, 2 * noise)


def extrapolated(quotients: Sequence[float], steps: Sequence[float], noise: float) -> tuple[float, float]:
    """The limit of central difference quotients at steps that shrink by SHRINK, and an estimate of its error.

    The estimate is the smallest difference between neighbours in the extrapolation table, plus what ``noise``, that of
    the difference of two values of the function, makes of the quotient at that step.
    """
    table, best, error = [], 0.0, float("inf")
    for quotient, step in zip(quotients, steps, strict=True):
        row, factor = [quotient], SHRINK**2
        for column, above in enumerate(table):
            row.append((row[column] * factor - above) / (factor - 1))
            factor *= SHRINK**2
            difference = max(abs(row[-1] - row[-2]), abs(row[-1] - above)) + noise / step
            if difference < error:
                best, error = row[-1], difference
        table = row
    return best, error
