"""The adjoint of ``forward``: BPTT of one row, from its last step to its first.

Arrays as in ``refseq.networks.turing_machine.forward``, and the cotangents: of the state after step t on the way in,
and of that before it on the way out

    ds (B, S', H)  dmemory (B, M, N)  dw (B, R + W, N)  dr (B, R, M)

of x, dx (T, B, I); of pre-activations, from which the parameters' gradients follow (``gradient``): da (T, B, A, H) of
the controller, df (T, B, R + W, F) of the heads; dy (T, B, 1, O) is given. Scratch: d0 like ds, dv (B, 1, H), dtaken
(B, 1, I + R M), dz (B, R + W, F), g (B, R + W, 3, N).
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.linear import add_transposed_product, clear, copy
from refseq.networks.turing_machine.activations import SCALARS, activate_backward
from refseq.networks.turing_machine.circular import convolve_backward, shifts_backward
from refseq.networks.turing_machine.controllers import CONTROLLERS
from refseq.networks.turing_machine.cosine import (
    length,
    scaled,
    similarity_of_key_backward,
    similarity_of_memory_backward,
)
from refseq.networks.turing_machine.forward import CONTENT, COSINE, GATED, LOG, SHIFTED
from refseq.networks.turing_machine.interpolation import before_backward, gate_backward
from refseq.networks.turing_machine.storage import (
    memory_backward,
    read_backward,
    vectors_backward,
    weights_backward,
)
from refseq.networks.turing_machine.tempered import factor_backward, logarithms_backward, tempered_backward
from refseq.primitives import complement, zero
from refseq.step import build_step
from refseq.team import Team


def build_backward(scan: Callable, cells: Callable, controller: str, team: Team) -> Callable:
    """row(b, ...), as above; options as for ``build_forward``."""
    index, size, barrier = team.index, team.size, team.barrier
    step, unaddress, one = build_step(CONTROLLERS[controller](), team).backward, _build_addressing(team), (0,)

    @register_jitable
    def give(dtaken, dx, dr):
        """The adjoint of the controller's input."""
        copy(dx, dtaken, dx.shape[0], index(), size())
        for h in range(dr.shape[0]):
            begin = dx.shape[0] + h * dr.shape[1]
            copy(dr[h], dtaken[begin : begin + dr.shape[1]], dr.shape[1], index(), size())

    @register_jitable
    def backward_row(
        b, W0, W1, U, Yh, Yr, epsilon, slots, lengths, s, memory, w, tape, a, z, norms, q, dy,
        ds, dmemory, dw, dr, dx, da, df, d0, dv, dtaken, dz, g,
    ):  # fmt: skip
        reads, heads, width = dr.shape[1], w.shape[2], memory.shape[2]
        shifts = U.shape[2] - SCALARS - 3 * width
        rest = width + SCALARS + shifts
        for back in range(lengths[b]):
            t = lengths[b] - 1 - back
            add_transposed_product(ds[b, 0], Yh, dy[t, b], 0, 1, one, index(), size())
            for h in range(reads):
                begin = h * width
                add_transposed_product(dr[b, h], Yr[begin : begin + width], dy[t, b], 0, 1, one, index(), size())
            barrier()
            for h in range(reads):
                read_backward(dw[b, h], dmemory[b], dr[b, h], w[t + 1, b, h], memory[t + 1, b], index(), size())
            barrier()
            erase, add = z[t, b, reads:, rest : rest + width], z[t, b, reads:, rest + width :]
            derase, dadd = dz[b, reads:, rest : rest + width], dz[b, reads:, rest + width :]
            vectors_backward(derase, dadd, dmemory[b], memory[t, b], w[t + 1, b], erase, reads, index(), size())
            weights_backward(dw[b], dmemory[b], memory[t, b], w[t + 1, b], erase, add, reads, index(), size())
            barrier()
            memory_backward(dmemory[b], w[t + 1, b], erase, reads, index(), size())
            unaddress(
                z[t, b], dz[b], memory[t, b], dmemory[b], norms[t, b], epsilon[0],
                w[t, b], w[t + 1, b], dw[b], q[t, b], g[b], shifts,
            )  # fmt: skip
            for h in range(heads):
                activate_backward(
                    df[t, b, h], a[t, b, h], z[t, b, h], dz[b, h], width, shifts, h >= reads, index(), size()
                )
            clear(dtaken[b, 0], dtaken.shape[2], index(), size())
            barrier()
            add_transposed_product(ds[b, 0], U, df[t, b], 0, heads, slots, index(), size())
            barrier()
            step(
                (W0, W1),
                d0[b],
                d0[b],
                s[t, b],
                s[t + 1, b],
                tape[t, b],
                ds[b],
                d0[b],
                dv[b],
                da[t, b],
                dtaken[b],
                d0[b],
            )
            barrier()
            give(dtaken[b, 0], dx[t, b], dr[b])
            barrier()

    return backward_row


def _build_addressing(team: Team) -> Callable:
    """The adjoint of addressing: of dw, the cotangents of the new weights, those of the weights before; adds to
    dmemory; writes those of the heads' numbers, except erase and add."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def unaddress(z, dz, memory, dmemory, norms, epsilon, before, w, dw, q, g, shifts):
        width, heads, one = memory.shape[0], w.shape[0], complement(zero(epsilon))
        for h in range(heads):
            tempered_backward(g[h, 0], w[h], dw[h], z[h, width + 2], one, index(), size())
            logarithms_backward(g[h, 0], q[h, SHIFTED], index(), size())
            if index() == 0:
                dz[h, width + 2] = factor_backward(w[h], dw[h], q[h, LOG], one)
        barrier()
        for h in range(heads):
            begin = width + SCALARS
            convolve_backward(g[h, 1], g[h, 0], z[h, begin : begin + shifts], index(), size())
            shifts_backward(dz[h, begin : begin + shifts], g[h, 0], q[h, GATED], index(), size())
        barrier()
        for h in range(heads):
            gate, size_of_key = z[h, width + 1], length(z[h], width, epsilon)
            before_backward(dw[h], g[h, 1], gate, index(), size())
            tempered_backward(g[h, 0], q[h, CONTENT], g[h, 1], z[h, width], gate, index(), size())
            scaled(g[h, 2], g[h, 0], norms, size_of_key, index(), size())
            if index() == 0:
                dz[h, width] = factor_backward(q[h, CONTENT], g[h, 1], q[h, COSINE], gate)
                dz[h, width + 1] = gate_backward(g[h, 1], q[h, CONTENT], before[h])
        barrier()
        for h in range(heads):
            size_of_key = length(z[h], width, epsilon)
            K = q[h, COSINE]
            similarity_of_memory_backward(dmemory, g[h, 2], g[h, 0], K, z[h], memory, norms, index(), size())
            similarity_of_key_backward(dz[h], g[h, 2], g[h, 0], K, z[h], memory, size_of_key, index(), size())
        barrier()

    return unaddress
