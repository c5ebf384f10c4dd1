"""Cosine similarity of a key with every column of a memory, and its adjoint (Graves et al. 2014, eq. 6).

    K[n] = (sum_j k[j] M[j, n]) / (|k| |M[:, n]|)        |v| = sqrt(v . v + epsilon)

With epsilon > 0 a key or column of zeros is defined (K = 0) and every gradient is finite, at most 1/sqrt(epsilon); the
similarity no longer depends on the scale of a vector once v . v is far above epsilon. Memory is kept as (M, N), so that
the innermost loops run over locations. Lanes as in ``refseq.linear``: a lane does the locations lane, lane + lanes, ...
"""

from numba.extending import register_jitable

from refseq.primitives import sqrt, zero


@register_jitable
def inner_product(u, v, count):
    """sum_n u[n] v[n] of the first ``count`` entries, in four sums side by side: one alone would wait for itself."""
    first, second, third, fourth = zero(u[0]), zero(u[0]), zero(u[0]), zero(u[0])
    n = 0
    while n + 3 < count:
        first = first + u[n] * v[n]
        second = second + u[n + 1] * v[n + 1]
        third = third + u[n + 2] * v[n + 2]
        fourth = fourth + u[n + 3] * v[n + 3]
        n += 4
    while n < count:
        first = first + u[n] * v[n]
        n += 1
    return (first + second) + (third + fourth)


@register_jitable
def length(v, count, epsilon):
    """|v| of the first ``count`` entries."""
    return sqrt(inner_product(v, v, count) + epsilon)


@register_jitable
def lengths_of_columns(norms, memory, epsilon, lane, lanes):
    """norms[n] = |M[:, n]|."""
    n = lane
    while n < memory.shape[1]:
        norms[n] = epsilon
        n += lanes
    for j in range(memory.shape[0]):
        n = lane
        while n < memory.shape[1]:
            norms[n] = norms[n] + memory[j, n] * memory[j, n]
            n += lanes
    n = lane
    while n < memory.shape[1]:
        norms[n] = sqrt(norms[n])
        n += lanes


@register_jitable
def similarity(K, key, memory, norms, size, lane, lanes):
    """K[n], where ``norms`` are the lengths of the columns and ``size`` is that of the key."""
    n = lane
    while n < memory.shape[1]:
        K[n] = zero(size)
        n += lanes
    for j in range(memory.shape[0]):
        n = lane
        while n < memory.shape[1]:
            K[n] = K[n] + key[j] * memory[j, n]
            n += lanes
    n = lane
    while n < memory.shape[1]:
        K[n] = K[n] / (size * norms[n])
        n += lanes


@register_jitable
def scaled(weights, dK, norms, size, lane, lanes):
    """weights[n] = dK[n] / (|k| |M[:, n]|), which both adjoints below want; a barrier belongs behind it."""
    n = lane
    while n < weights.shape[0]:
        weights[n] = dK[n] / (size * norms[n])
        n += lanes


@register_jitable
def similarity_of_memory_backward(dmemory, weights, dK, K, key, memory, norms, lane, lanes):
    """dM[j, n] += weights[n] k[j] - dK[n] K[n] M[j, n] / |M[:, n]|^2."""
    for j in range(memory.shape[0]):
        n = lane
        while n < memory.shape[1]:
            own = (dK[n] * K[n]) / (norms[n] * norms[n])
            dmemory[j, n] = dmemory[j, n] + (weights[n] * key[j] - own * memory[j, n])
            n += lanes


@register_jitable
def similarity_of_key_backward(dkey, weights, dK, K, key, memory, size, lane, lanes):
    """dk[j] = sum_n weights[n] M[j, n] - (sum_n dK[n] K[n]) k[j] / |k|^2."""
    count = memory.shape[1]
    own = inner_product(dK, K, count) / (size * size)
    j = lane
    while j < memory.shape[0]:
        dkey[j] = inner_product(weights, memory[j], count) - own * key[j]
        j += lanes
