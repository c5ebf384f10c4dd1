"""One row of an end-to-end memory network (S. Sukhbaatar et al., arXiv:1503.08895, section 2), and its adjoint.

    u_0 = sum B[words of the question]
    p_k = softmax(u_k . m_i),  m_i = sum A_k[words of sentence i] + T_A[age of i]      over the filled slots i
    u_(k+1) = H u_k + sum_i p_k[i] c_i,  c_i as m_i with C_k and T_C                   H = 1 with adjacent tables
    logits = W u_K

Tables E (tables, V, d): adjacent, A_k = E[k], C_k = E[k + 1], B = E[0], W = E[K]; layer-wise, A, C, B, W = E[0 .. 3].

Arrays (B rows, N slots, J words, d entries, K hops, F tables of the memory):

    how (4,): the number of hops; 1 or 0 for adjacent tables, positions, ages: one compiled function serves all
    T (F, ages, d)  H (d, 1, d), operand-major  factors: see ``encoding``      not read where the options do without
    story (B, N, J)  words, ages (B, N)  query (B, Q)  asked (B,)
    sentences (B, F, N, d): what is in the memory     u (B, K + 1, d)  p (B, K, N)  logits (B, 1, V)
    dsentences, du: their cotangents     a, e (B, N): scratch
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.linear import add, add_product, add_transposed_product
from refseq.networks.memory_network.encoding import add_sentence, add_word_backward
from refseq.networks.memory_network.masked import masked_powers, masked_shares, masked_softmax_backward
from refseq.primitives import zero
from refseq.team import Team

HOPS, ADJACENT, POSITIONS, TEMPORAL = range(4)
"""Places in ``how``."""


@register_jitable
def tables(hops, adjacent):
    """How many tables the memory has; which one is that of the question, and of the output."""
    return (hops + 1, 0, hops) if adjacent else (2, 2, 3)


def build_forward(team: Team) -> Callable:
    """forward_row(b, ...)."""
    index, size, barrier = team.index, team.size, team.barrier
    one = (0,)

    @register_jitable
    def forward_row(
        b, how, E, T, H, factors, story, words, ages, query, asked, sentences, u, p, logits, a, e
    ):  # fmt: skip
        hops, adjacent, positions, temporal = how[HOPS], how[ADJACENT], how[POSITIONS], how[TEMPORAL]
        memories, asking, output = tables(hops, adjacent)
        for f in range(memories):
            for i in range(words.shape[1]):
                if words[b, i] > 0:
                    row = sentences[b, f, i]
                    add_sentence(row, E[f], story[b, i], words[b, i], factors, positions, index(), size())
                    if temporal:
                        add(row, T[f, ages[b, i]], row.shape[0], index(), size())
        add_sentence(u[b, 0], E[asking], query[b], asked[b], factors, positions, index(), size())
        barrier()
        for k in range(hops):
            keys, values = (k, k + 1) if adjacent else (0, 1)
            i = index()
            while i < words.shape[1]:
                if words[b, i] > 0:
                    total = zero(a[b, i])
                    for c in range(u.shape[2]):
                        total = total + u[b, k, c] * sentences[b, keys, i, c]
                    a[b, i] = total
                i += size()
            barrier()
            masked_powers(e[b], a[b], words[b], index(), size())
            barrier()
            masked_shares(p[b, k], e[b], words[b], index(), size())
            barrier()
            c = index()
            while c < u.shape[2]:
                total = u[b, k, c] if adjacent else zero(u[b, k, c])
                for i in range(words.shape[1]):
                    if words[b, i] > 0:
                        total = total + p[b, k, i] * sentences[b, values, i, c]
                u[b, k + 1, c] = total
                c += size()
            if not adjacent:
                add_product(u[b, k + 1 : k + 2], H, u[b, k], 0, 1, one, index(), size())
            barrier()
        v = index()
        while v < logits.shape[2]:
            total = zero(logits[b, 0, v])
            for c in range(u.shape[2]):
                total = total + u[b, hops, c] * E[output, v, c]
            logits[b, 0, v] = total
            v += size()

    return forward_row


def build_backward(team: Team) -> Callable:
    """backward_row(b, ...), of the cotangents of the logits."""
    index, size, barrier = team.index, team.size, team.barrier
    one = (0,)

    @register_jitable
    def backward_row(b, how, E, H, words, sentences, u, p, dlogits, dsentences, du, a, e):
        hops, adjacent = how[HOPS], how[ADJACENT]
        _, _, output = tables(hops, adjacent)
        c = index()
        while c < u.shape[2]:
            total = zero(u[b, 0, c])
            for v in range(dlogits.shape[2]):
                total = total + dlogits[b, 0, v] * E[output, v, c]
            du[b, hops, c] = total
            c += size()
        barrier()
        for back in range(hops):
            k = hops - 1 - back
            keys, values = (k, k + 1) if adjacent else (0, 1)
            i = index()
            while i < words.shape[1]:
                if words[b, i] > 0:
                    total = zero(a[b, i])
                    for c in range(u.shape[2]):
                        total = total + du[b, k + 1, c] * sentences[b, values, i, c]
                        dsentences[b, values, i, c] = dsentences[b, values, i, c] + p[b, k, i] * du[b, k + 1, c]
                    a[b, i] = total
                i += size()
            barrier()
            masked_softmax_backward(e[b], p[b, k], a[b], words[b], index(), size())
            barrier()
            i = index()
            while i < words.shape[1]:
                if words[b, i] > 0:
                    for c in range(u.shape[2]):
                        dsentences[b, keys, i, c] = dsentences[b, keys, i, c] + e[b, i] * u[b, k, c]
                i += size()
            c = index()
            while c < u.shape[2]:
                total = du[b, k + 1, c] if adjacent else zero(u[b, k, c])
                for i in range(words.shape[1]):
                    if words[b, i] > 0:
                        total = total + e[b, i] * sentences[b, keys, i, c]
                du[b, k, c] = total
                c += size()
            if not adjacent:
                barrier()
                add_transposed_product(du[b, k], H, du[b, k + 1 : k + 2], 0, 1, one, index(), size())
            barrier()

    return backward_row


def build_embeddings(team: Team) -> Callable:
    """word_row(v, ...): the gradients of the embeddings of token v, in all tables dE (tables, V, d), which is the sum
    over its occurrences (``text.Occurrences``, of the stories and of the questions) and over the outputs."""
    index, size = team.index, team.size

    @register_jitable
    def word_row(v, how, factors, words, asked, told, where, wanted, whither, u, dsentences, du, dlogits, dE):
        hops, adjacent, positions = how[HOPS], how[ADJACENT], how[POSITIONS]
        memories, asking, output = tables(hops, adjacent)
        for f in range(memories):
            for n in range(told[v], told[v + 1]):
                b, i, j = where[n, 0], where[n, 1], where[n, 2]
                add_word_backward(dE[f, v], dsentences[b, f, i], words[b, i], j, factors, positions, index(), size())
        for n in range(wanted[v], wanted[v + 1]):
            b, j = whither[n, 0], whither[n, 2]
            add_word_backward(dE[asking, v], du[b, 0], asked[b], j, factors, positions, index(), size())
        for b in range(asked.shape[0]):
            c = index()
            while c < u.shape[2]:
                dE[output, v, c] = dE[output, v, c] + dlogits[b, 0, v] * u[b, hops, c]
                c += size()

    return word_row


def build_ages(team: Team) -> Callable:
    """age_row(t, words, ages, dsentences, dT): the gradients of the vectors of age t, in all tables of the memory."""
    index, size = team.index, team.size

    @register_jitable
    def age_row(t, words, ages, dsentences, dT):
        for f in range(dT.shape[0]):
            for b in range(words.shape[0]):
                for i in range(words.shape[1]):
                    if words[b, i] > 0 and ages[b, i] == t:
                        add(dT[f, t], dsentences[b, f, i], dT.shape[2], index(), size())

    return age_row
