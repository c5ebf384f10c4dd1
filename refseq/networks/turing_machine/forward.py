"""One row of a batch through time. Step t goes from the state at t to that at t + 1 (Graves et al. 2014, section 3):

    h     = controller([x_t, reads_t], controller's state)
    heads = what every head is given of h                       (``activations``)
    c_h   = softmax(beta cos(key, M_t))                          content, of the old memory
    w_h   = sharpen(shift(interpolate(c_h, w_h of before)))
    M'    = M_t erased by all writing heads, then added to
    r_h   = w_h M'                                               the new memory is read
    y_t   = W_yh h + sum_h W_yr[h] r_h + b_y

Arrays (T steps, B rows, I inputs, O outputs, H units, N locations of M numbers, R heads that read, before W that write,
F = M + 3 + S + 2 M numbers for a head, of which one that only reads has no use for the last 2 M):

    W0 (I + R M, G, H), W1 (H, G, H), bias (G, H): the controller's; U (H, R + W, F), ub (R + W, F)
    Yh (H, 1, O), Yr (R M, 1, O), yb (1, O)     epsilon (1,)     slots = 0, 1 .. R + W - 1
    x (T, B, I)     lengths (B,)
    s (T + 1, B, S', H)  memory (T + 1, B, M, N)  w (T + 1, B, R + W, N)  r (T + 1, B, R, M): the state, at 0 given
    taken (T, B, 1, I + R M)  tape (T, B, ., H)  a, z (T, B, R + W, F)  norms (T, B, N)
    q (T, B, R + W, 5, N): what backward wants to know of the weights, by the names below
    y (T, B, 1, O)     pre (B, A, H), e (B, R + W, N): scratch

What lies beyond a row's length is neither read nor written.
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.linear import copy
from refseq.networks.turing_machine.activations import SCALARS, activate
from refseq.networks.turing_machine.circular import convolve
from refseq.networks.turing_machine.controllers import CONTROLLERS
from refseq.networks.turing_machine.cosine import length, lengths_of_columns, similarity
from refseq.networks.turing_machine.interpolation import interpolate
from refseq.networks.turing_machine.storage import read, write
from refseq.networks.turing_machine.tempered import logarithms, powers, shares
from refseq.step import build_step
from refseq.team import Team

COSINE, CONTENT, GATED, SHIFTED, LOG = range(5)
"""Rows of q: the similarities, the content's weights, those after the gate, after the shift, and their logarithms."""


def build_forward(scan: Callable, cells: Callable, controller: str, team: Team) -> Callable:
    """row(b, ...), as above; ``scan`` and ``cells`` stand for the source of what is made of them."""
    index, size, barrier, add_product = team.index, team.size, team.barrier, team.product
    step, address, one = build_step(CONTROLLERS[controller](), team).forward, _build_addressing(team), (0,)

    @register_jitable
    def take(taken, x, r):
        """The controller's input: x, then all that was read."""
        copy(taken, x, x.shape[0], index(), size())
        for h in range(r.shape[0]):
            begin = x.shape[0] + h * r.shape[1]
            copy(taken[begin : begin + r.shape[1]], r[h], r.shape[1], index(), size())

    @register_jitable
    def forward_row(
        b, W0, W1, bias, U, ub, Yh, Yr, yb, epsilon, slots, x, lengths,
        s, memory, w, r, taken, tape, a, z, norms, q, y, pre, e,
    ):  # fmt: skip
        reads, heads, width = r.shape[2], w.shape[2], memory.shape[2]
        shifts = U.shape[2] - SCALARS - 3 * width
        rest = width + SCALARS + shifts
        for t in range(lengths[b]):
            take(taken[t, b, 0], x[t, b], r[t, b])
            barrier()
            step((W0, W1), (bias,), pre[b], pre[b], taken[t, b], s[t, b], s[t + 1, b], tape[t, b], pre[b])
            barrier()
            for h in range(heads):
                copy(a[t, b, h], ub[h], ub.shape[1], index(), size())
            add_product(a[t, b], U, s[t + 1, b, 0], 0, heads, slots, index(), size())
            barrier()
            for h in range(heads):
                activate(z[t, b, h], a[t, b, h], width, shifts, h >= reads, index(), size())
            lengths_of_columns(norms[t, b], memory[t, b], epsilon[0], index(), size())
            barrier()
            found, norm = q[t, b], norms[t, b]
            address(z[t, b], memory[t, b], norm, epsilon[0], w[t, b], w[t + 1, b], found, e[b], shifts)
            erase, add = z[t, b, reads:, rest : rest + width], z[t, b, reads:, rest + width :]
            write(memory[t + 1, b], memory[t, b], w[t + 1, b], erase, add, reads, index(), size())
            barrier()
            for h in range(reads):
                read(r[t + 1, b, h], w[t + 1, b, h], memory[t + 1, b], index(), size())
            barrier()
            copy(y[t, b, 0], yb[0], yb.shape[1], index(), size())
            add_product(y[t, b], Yh, s[t + 1, b, 0], 0, 1, one, index(), size())
            for h in range(reads):
                begin = h * width
                add_product(y[t, b], Yr[begin : begin + width], r[t + 1, b, h], 0, 1, one, index(), size())

    return forward_row


def _build_addressing(team: Team) -> Callable:
    """address(z, memory, norms, epsilon, before, w, q, e, shifts): the weights of all heads, phase by phase."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def address(z, memory, norms, epsilon, before, w, q, e, shifts):
        width, heads = memory.shape[0], w.shape[0]
        for h in range(heads):
            similarity(q[h, COSINE], z[h], memory, norms, length(z[h], width, epsilon), index(), size())
        barrier()
        for h in range(heads):
            powers(e[h], q[h, COSINE], z[h, width], index(), size())
        barrier()
        for h in range(heads):
            shares(q[h, CONTENT], e[h], index(), size())
            interpolate(q[h, GATED], q[h, CONTENT], before[h], z[h, width + 1], index(), size())
        barrier()
        for h in range(heads):
            begin = width + SCALARS
            convolve(q[h, SHIFTED], q[h, GATED], z[h, begin : begin + shifts], index(), size())
            logarithms(q[h, LOG], q[h, SHIFTED], index(), size())
        barrier()
        for h in range(heads):
            powers(e[h], q[h, LOG], z[h, width + 2], index(), size())
        barrier()
        for h in range(heads):
            shares(w[h], e[h], index(), size())
        barrier()

    return address
