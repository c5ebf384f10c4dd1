"""One row of a memory network that chooses (J. Weston et al., arXiv:1410.3916, section 3), and its adjoint.

    g_1 = sum U_q[words of the question]           y_i = sum U_y[words of sentence i] + T[age of i]
    scores_f[i] = g_f . y_i                        over the filled slots i
    chosen_f = argmax scores_f, or as it is given  the first of equals
    g_(f+1) = g_f + sum U_m[words of the chosen sentence]
    r = sum R_q[words of the question] + sum over f of sum R_m[words of the chosen sentence]
    logits = R_w r

which is the paper's s(x, y) = phi_x(x)^T U^T U phi_y(y) with features of its own for the question, for facts that are
known and for what is looked for; nothing is differentiated through the choice. Tables E (6, V, d): U_q, U_m, U_y, R_q,
R_m, R_w.

Arrays (B rows, N slots, J words, F facts): story (B, N, J)  words, ages (B, N)  query (B, Q)  asked (B,)
T (ages, d)  temporal (1,): 1 or 0, whether ages count
facts, chosen (B, F): -1 for a fact that is to be chosen, and where there is none to choose
y (B, N, d)  g (B, F, d)  r (B, d)  scores (B, F, N), 0 where a slot is empty  logits (B, V)
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.linear import add
from refseq.networks.memory_network.encoding import add_sentence, add_word_backward
from refseq.networks.memory_network.masked import largest
from refseq.primitives import zero
from refseq.team import Team

U_Q, U_M, U_Y, R_Q, R_M, R_W = range(6)
TABLES = 6


def build_forward(team: Team) -> Callable:
    """forward_row(b, ...)."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def forward_row(
        b, temporal, E, T, factors, story, words, ages, query, asked, given, scores, y, g, r, logits, chosen
    ):  # fmt: skip
        facts = scores.shape[1]
        for i in range(words.shape[1]):
            if words[b, i] > 0:
                add_sentence(y[b, i], E[U_Y], story[b, i], words[b, i], factors, False, index(), size())
                if temporal[0]:
                    add(y[b, i], T[ages[b, i]], y.shape[2], index(), size())
        add_sentence(g[b, 0], E[U_Q], query[b], asked[b], factors, False, index(), size())
        add_sentence(r[b], E[R_Q], query[b], asked[b], factors, False, index(), size())
        barrier()
        for f in range(facts):
            i = index()
            while i < words.shape[1]:
                if words[b, i] > 0:
                    total = zero(scores[b, f, i])
                    for c in range(g.shape[2]):
                        total = total + g[b, f, c] * y[b, i, c]
                    scores[b, f, i] = total
                i += size()
            barrier()
            m = given[b, f] if given[b, f] >= 0 else largest(scores[b, f], words[b])
            if index() == 0:
                chosen[b, f] = m
            if m >= 0:
                if f + 1 < facts:
                    add(g[b, f + 1], g[b, f], g.shape[2], index(), size())
                    add_sentence(g[b, f + 1], E[U_M], story[b, m], words[b, m], factors, False, index(), size())
                add_sentence(r[b], E[R_M], story[b, m], words[b, m], factors, False, index(), size())
            barrier()
        v = index()
        while v < logits.shape[1]:
            total = zero(logits[b, v])
            for c in range(r.shape[1]):
                total = total + r[b, c] * E[R_W, v, c]
            logits[b, v] = total
            v += size()

    return forward_row


def build_backward(team: Team) -> Callable:
    """backward_row(b, ...), of the cotangents of scores and logits."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def backward_row(b, E, words, chosen, y, g, dscores, dlogits, dy, dg, dr):
        facts = chosen.shape[1]
        c = index()
        while c < dr.shape[1]:
            total = zero(dr[b, c])
            for v in range(dlogits.shape[1]):
                total = total + dlogits[b, v] * E[R_W, v, c]
            dr[b, c] = total
            for back in range(facts):
                f = facts - 1 - back
                total = zero(dr[b, c])
                if f + 1 < facts and chosen[b, f] >= 0:
                    total = dg[b, f + 1, c]
                for i in range(words.shape[1]):
                    if words[b, i] > 0:
                        total = total + dscores[b, f, i] * y[b, i, c]
                        dy[b, i, c] = dy[b, i, c] + dscores[b, f, i] * g[b, f, c]
                dg[b, f, c] = total
            c += size()
        barrier()

    return backward_row


def build_embeddings(team: Team) -> Callable:
    """word_row(v, ...): the gradients of the embeddings of token v in all tables, as in ``end_to_end``."""
    index, size = team.index, team.size

    @register_jitable
    def word_row(v, factors, words, asked, told, where, wanted, whither, chosen, r, dlogits, dy, dg, dr, dE):
        facts = chosen.shape[1]
        for n in range(told[v], told[v + 1]):
            b, i = where[n, 0], where[n, 1]
            add_word_backward(dE[U_Y, v], dy[b, i], words[b, i], 0, factors, False, index(), size())
            for f in range(facts):
                if chosen[b, f] == i:
                    if f + 1 < facts:
                        add_word_backward(dE[U_M, v], dg[b, f + 1], words[b, i], 0, factors, False, index(), size())
                    add_word_backward(dE[R_M, v], dr[b], words[b, i], 0, factors, False, index(), size())
        for n in range(wanted[v], wanted[v + 1]):
            b = whither[n, 0]
            add_word_backward(dE[U_Q, v], dg[b, 0], asked[b], 0, factors, False, index(), size())
            add_word_backward(dE[R_Q, v], dr[b], asked[b], 0, factors, False, index(), size())
        for b in range(asked.shape[0]):
            c = index()
            while c < r.shape[1]:
                dE[R_W, v, c] = dE[R_W, v, c] + dlogits[b, v] * r[b, c]
                c += size()

    return word_row
