"""Central differences that know their own error: C. J. F. Ridders, Adv. Eng. Software 4 (1982), 75-76."""

from collections.abc import Callable

SHRINK, LEVELS, FIRST_STEP = 2.0, 20, 0.05


def derivative(function: Callable[[float], float], noise: float) -> tuple[float, float]:
    """f'(0) and an estimate of its error.

    Steps shrink geometrically and are extrapolated to 0; the estimate is the smallest difference between neighbours in
    the extrapolation table, plus what ``noise``, the standard deviation of rounding errors in f, makes of the
    difference quotient at that step. All levels are computed: a kink of relu spoils only the steps that reach it. One
    that lies nearer than a few of the smallest steps (1e-7) is not noticed, and the estimate is then too small.
    """
    step, table, best, error = FIRST_STEP, [], 0.0, float("inf")
    for _ in range(LEVELS):
        row = [(function(step) - function(-step)) / (2 * step)]
        factor = SHRINK**2
        for column, above in enumerate(table):
            row.append((row[column] * factor - above) / (factor - 1))
            factor *= SHRINK**2
            rounding = 2 * noise / step
            difference = max(abs(row[-1] - row[-2]), abs(row[-1] - above)) + rounding
            if difference < error:
                best, error = row[-1], difference
        table, step = row, step / SHRINK
    return best, error
