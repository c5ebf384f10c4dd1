"""Reading from a memory, and writing by several heads: all erase, then all add (eqs. 2 to 4); each with its adjoint.

    r[j] = sum_n w[n] M[j, n]
    new[j, n] = M[j, n] prod_h (1 - w_h[n] e_h[j]) + sum_h w_h[n] a_h[j]

So neither the order of the erasing heads counts nor that of the adding ones. M is (M, N); the heads that write are the
rows ``first``, first + 1, ... of the weights w (heads, N); e and a are (heads that write, M).
"""

from numba.extending import register_jitable

from refseq.networks.turing_machine.cosine import inner_product
from refseq.primitives import complement, zero


@register_jitable
def read(r, w, memory, lane, lanes):
    """r[j] = sum_n w[n] M[j, n]."""
    j = lane
    while j < memory.shape[0]:
        r[j] = inner_product(w, memory[j], memory.shape[1])
        j += lanes


@register_jitable
def read_backward(dw, dmemory, dr, w, memory, lane, lanes):
    """dw[n] += sum_j dr[j] M[j, n] and dM[j, n] += dr[j] w[n]; a lane does its locations."""
    for j in range(memory.shape[0]):
        n = lane
        while n < memory.shape[1]:
            dw[n] = dw[n] + dr[j] * memory[j, n]
            dmemory[j, n] = dmemory[j, n] + dr[j] * w[n]
            n += lanes


@register_jitable
def kept(w, e, first, without, j, n):
    """prod_h (1 - w_h[n] e_h[j]) over all heads but one; over all if that is -1."""
    product = complement(zero(w[0, 0]))
    for h in range(e.shape[0]):
        if h != without:
            product = product * complement(w[first + h, n] * e[h, j])
    return product


@register_jitable
def write(new, memory, w, e, a, first, lane, lanes):
    """new[j, n]; a lane does its locations."""
    for j in range(memory.shape[0]):
        n = lane
        while n < memory.shape[1]:
            total = memory[j, n] * kept(w, e, first, -1, j, n)
            for h in range(e.shape[0]):
                total = total + w[first + h, n] * a[h, j]
            new[j, n] = total
            n += lanes


@register_jitable
def vectors_backward(de, da, dnew, memory, w, e, first, lane, lanes):
    """da_h[j] = sum_n dnew[j, n] w_h[n] and de_h[j] = -sum_n dnew[j, n] M[j, n] w_h[n] prod of the other heads."""
    j = lane
    while j < memory.shape[0]:
        for h in range(e.shape[0]):
            da[h, j] = inner_product(dnew[j], w[first + h], memory.shape[1])
            total = zero(dnew[0, 0])
            for n in range(memory.shape[1]):
                total = total + (dnew[j, n] * memory[j, n]) * (w[first + h, n] * kept(w, e, first, h, j, n))
            de[h, j] = -total
        j += lanes


@register_jitable
def weights_backward(dw, dnew, memory, w, e, a, first, lane, lanes):
    """dw_h[n] += sum_j dnew[j, n] (a_h[j] - M[j, n] e_h[j] prod of the other heads); a lane does its locations."""
    for h in range(e.shape[0]):
        for j in range(memory.shape[0]):
            n = lane
            while n < memory.shape[1]:
                erased = (memory[j, n] * e[h, j]) * kept(w, e, first, h, j, n)
                dw[first + h, n] = dw[first + h, n] + dnew[j, n] * (a[h, j] - erased)
                n += lanes


@register_jitable
def memory_backward(dnew, w, e, first, lane, lanes):
    """dM[j, n] = dnew[j, n] prod_h (1 - w_h[n] e_h[j]), in place; a lane does its locations."""
    for j in range(dnew.shape[0]):
        n = lane
        while n < dnew.shape[1]:
            dnew[j, n] = dnew[j, n] * kept(w, e, first, -1, j, n)
            n += lanes
