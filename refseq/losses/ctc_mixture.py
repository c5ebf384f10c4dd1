"""The logarithm of a sum of two or three exponentials, with the share of each in the sum: its derivatives.

    value = log(e^a + e^b + e^c)        weight of a = dvalue/da = e^a / (e^a + e^b + e^c)

Written about the largest as ``refseq.softmax``: its own term is exactly 1 and is left out of the sum, so that nothing
overflows and the value keeps its relative accuracy where one stands far above the others. A number may be absent (as if
it was -inf, which not every field has), with weight 0; which one then fills its place matters to nobody. In fields
without an order any of them is as good as the largest.
"""

from numba.extending import register_jitable

from refseq.primitives import choose, complement, exp, log1p, zero


@register_jitable
def two(a, b, has_a, has_b):
    """The value, and the weights of a and b, at least one of which is there."""
    a, b = a if has_a else b, b if has_b else a
    d = b - a
    top, other = choose(d, b, a), choose(d, a, b)
    e = exp(other - top)
    e = e if has_a and has_b else zero(e)
    large = complement(zero(e)) / complement(-e)
    small = e * large
    of_a, of_b = choose(d, small, large), choose(d, large, small)
    value = top + log1p(e)
    # without a, b stands in both places and its weight is in that of a
    return value, of_a if has_a else of_b, of_b if has_a else of_a


@register_jitable
def three(a, b, c, has_a, has_b, has_c):
    """The value, and the weights of a, b and c, of which a or b is there."""
    a, b = a if has_a else b, b if has_b else a
    c = c if has_c else a
    d = b - a
    high, low = choose(d, b, a), choose(d, a, b)
    f = c - high
    top, middle = choose(f, c, high), choose(f, high, c)
    e_low, e_middle = exp(low - top), exp(middle - top)
    e_low = e_low if has_a and has_b else zero(e_low)
    e_middle = e_middle if has_c else zero(e_middle)
    rest = e_low + e_middle
    largest = complement(zero(rest)) / complement(-rest)
    w_low, w_middle = e_low * largest, e_middle * largest
    w_high, of_c = choose(f, w_middle, largest), choose(f, largest, w_middle)
    of_a, of_b = choose(d, w_low, w_high), choose(d, w_high, w_low)
    value = top + log1p(rest)
    return value, of_a if has_a else of_b, of_b if has_a else of_a, of_c
