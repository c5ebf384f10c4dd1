"""A sentence as a vector: the sum of its words' embeddings, and the adjoint in the embeddings.

    sum_j l_j * E[word j]      l_j = 1 (bag of words), or by position (Sukhbaatar et al. 2015, section 4.1)

    l_j[c] = (1 - j/J) - (c/d) (1 - 2 j/J)      j = 1 .. J words of the sentence, c = 1 .. d

The factors are a table (J + 1, longest, d), by the number of words. Lanes as in ``refseq.linear``, over entries c.
"""

from numba.extending import register_jitable

from refseq.primitives import complement, count, zero


@register_jitable
def fill_positions(factors):
    """factors[J, j - 1, c - 1] = l_j[c]."""
    width = factors.shape[2]
    for J in range(1, factors.shape[0]):
        for j in range(1, J + 1):
            for c in range(1, width + 1):
                nothing = zero(factors[0, 0, 0])
                part = (nothing + count(nothing, j)) / count(nothing, J)
                entry = (nothing + count(nothing, c)) / count(nothing, width)
                factors[J, j - 1, c - 1] = complement(part) - entry * complement(part + part)


@register_jitable
def add_sentence(total, E, tokens, words, factors, positions, lane, lanes):
    """total[c] += the encoded sentence of the first ``words`` tokens; ``positions``: by position."""
    c = lane
    while c < total.shape[0]:
        value = total[c]
        for j in range(words):
            value = value + factors[words, j, c] * E[tokens[j], c] if positions else value + E[tokens[j], c]
        total[c] = value
        c += lanes


@register_jitable
def add_word_backward(dE, dtotal, words, j, factors, positions, lane, lanes):
    """dE[c] += the share of word j in a sentence of so many words: the adjoint in this word's embedding."""
    c = lane
    while c < dE.shape[0]:
        if positions:
            dE[c] = dE[c] + factors[words, j, c] * dtotal[c]
        else:
            dE[c] = dE[c] + dtotal[c]
        c += lanes
