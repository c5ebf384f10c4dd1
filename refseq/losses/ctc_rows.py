"""Connectionist temporal classification of one sequence: the negative logarithm of the probability of its labels under
all alignments, and the gradient (A. Graves et al., ICML 2006).

With the logarithm e_t of the probability of a state's symbol in frame t, and alpha_t that of all alignments from the
start which are in the state then:

    blank j:  alpha_t = e_t + log(sum of exp(alpha_(t-1)) of blank j, label j)
    label j:  alpha_t = e_t + log(sum of exp(alpha_(t-1)) of label j, blank j - 1, and label j - 1 if it is another one)

The shares of these terms in their sum are the probabilities of the last step. So the posterior probabilities of the
states go backward by products alone, gamma_(t-1)(s) = sum over s' of gamma_t(s') share_t(s' from s). That is alpha beta
over the probability of all, and the adjoint of the recursion: positive numbers, nothing cancels, no logarithm is large.

    dloss/dlog y_t(k) = - sum of gamma_t over the states of symbol k      dloss/dlogits = softmax - that sum

Alphas are kept about the largest one (``RECENTRE``), logits about their pivot (``refseq.losses.ctc_frames``).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from numba.extending import register_jitable

from refseq.losses.ctc_frames import build as build_frames
from refseq.losses.ctc_mixture import three, two
from refseq.losses.ctc_trellis import KINDS, NUMBERS, Trellis, blank_lives, label_lives, requirements, skips
from refseq.primitives import order, zero
from refseq.team import ALONE, Team

LOGITS, LOG_PROBS = "logits", "log_probs"
"""What the predictions are, and what the gradient is with respect to."""
RECENTRE = 4
"""Frames after which alphas are taken relative to the largest one again."""
SHARES = 5
"""Rows of a frame: shares of blank from blank, from label; of label from label, from blank, from the label before."""


@cache
def build(floored: bool, team: Team = ALONE) -> Callable:
    """row(b, x, frames, labels, begins, counts, scale, sizes, limits, losses, dx, possible, *scratch) for sequence b.

    x, dx (T B, C); frames, begins, counts (B,): its frames, and which labels (N,) are its own, counts < 0: it does not
    count; scale (B,) of the gradient; sizes: B, T, the blank, 1 for logits and 0 for log-probabilities; limits: what
    stands for the logarithm of 0 if ``floored``, and below what a sum is one. losses (B,), possible (B,): 0 where there
    is no alignment, loss and gradient are then 0. Scratch: see ``refseq.losses.ctc_sequences``.
    """
    lanes = replace(NUMBERS.lanes, row=team.row)
    of_row = build_in_room(floored, team, replace(NUMBERS, lanes=lanes, line=team.row))

    @register_jitable
    def row(
        b, x, frames, labels, begins, counts, scale, sizes, limits, losses, dx, possible,
        rests, shares, pivots, need, bias, alphas, emissions, weights, posterior,
    ):  # fmt: skip
        of_row(
            b, b, x, frames, labels, begins, counts, scale, sizes, limits, losses, dx, possible,
            rests, shares, pivots, need, bias, alphas, emissions, weights, posterior,
        )  # fmt: skip

    return row


@cache
def build_in_room(floored: bool, team: Team, trellis: Trellis) -> Callable:
    """As ``build``, of_row(b, room, ...): with the scratch of this number."""
    index, size, barrier = team.index, team.size, team.barrier
    lanes, present, lowered = trellis.lanes, trellis.present, trellis.lowered
    clear, close, line, largest = trellis.clear, trellis.close, trellis.line, trellis.largest
    step, row, entry, put, spread = lanes.step, lanes.row, lanes.entry, lanes.put, lanes.spread
    every = build_frames(floored, team, trellis)
    begin_with, normalisers, finish, nothing = every.prepare, every.normalisers, every.finish, every.nothing

    @register_jitable
    def start(first, old, alphas, limits, bias, need, count, like):
        """The alphas of the first frame; by one thread."""
        for k in range(2 * KINDS):
            clear(row(alphas, old + k), limits[0])
        clear(bias, limits[0])
        for j in range(1, count + 1):
            if skips(j, need):
                put(bias, j, zero(like))
        put(row(alphas, old), 0, entry(first, 0))
        if count > 0:
            put(row(alphas, old + 1), 1, entry(first, 1))

    @register_jitable
    def forward(n, place, old, alphas, emissions, weights, need, bias, count, like):
        """The alphas of all frames, and the shares; where the last alphas are, and what was taken from them."""
        offset, new, until = zero(like), old + KINDS, RECENTRE
        for t in range(1, n):
            blanks, labels = row(alphas, old), row(alphas, old + 1)
            new_blanks, new_labels = row(alphas, new), row(alphas, new + 1)
            e, w = row(emissions, place + t), (place + t) * SHARES
            stay, back, same = row(weights, w), row(weights, w + 1), row(weights, w + 2)
            enter, skip = row(weights, w + 3), row(weights, w + 4)
            centre, until = zero(like), until - 1
            if until == 0:
                centre, until = largest(blanks, labels, need, count, t - 1, n), RECENTRE
                offset = offset + centre
            middle, of_blank = spread(centre), spread(entry(e, 0) - centre)
            j = index() * step()
            while j <= count:
                if present(blank_lives(j, t, n, need, count)):
                    value, of_label, of_same = two(labels[j], blanks[j], present(j > 0), present(need[j] < t))
                    new_blanks[j], stay[j], back[j] = value + of_blank, of_same, of_label
                j += size() * step()
            close(back, j)
            j = 1 + index() * step()
            while j <= count:
                if present(label_lives(j, t, n, need, count)):
                    before_it = lowered(labels[j - 1], bias, j)
                    there = present(skips(j, need)), present(need[j - 1] < t), present(need[j] <= t)
                    value, of_skip, of_enter, of_same = three(before_it, blanks[j - 1], labels[j], *there)
                    new_labels[j] = value + (e[j] - middle)
                    same[j], enter[j], skip[j] = of_same, of_enter, of_skip
                j += size() * step()
            close(enter, j)
            close(skip, j)
            old, new = new, old
            barrier()
        return old, offset

    @register_jitable
    def backward(n, place, posterior, weights, count):
        """The posterior of the states of all frames, from that of the last one."""
        for passed in range(n - 1):
            t = n - 1 - passed
            now, w = (place + t) * KINDS, (place + t) * SHARES
            blanks, labels = row(posterior, now), row(posterior, now + 1)
            old_blanks, old_labels = row(posterior, now - KINDS), row(posterior, now - KINDS + 1)
            stay, back, same = row(weights, w), row(weights, w + 1), row(weights, w + 2)
            enter, skip = row(weights, w + 3), row(weights, w + 4)
            j = index() * step()
            while j <= count:
                old_blanks[j] = blanks[j] * stay[j] + labels[j + 1] * enter[j + 1]
                j += size() * step()
            close(old_blanks, j)
            j = 1 + index() * step()
            while j <= count:
                old_labels[j] = labels[j] * same[j] + blanks[j] * back[j] + labels[j + 1] * skip[j + 1]
                j += size() * step()
            close(old_labels, j)
            barrier()

    @register_jitable
    def of_row(
        b, room, x, frames, labels, begins, counts, scale, sizes, limits, losses, dx, possible,
        rests, shares, pivots, need, bias, alphas, emissions, weights, posterior,
    ):  # fmt: skip
        batch, steps, blank, softened = sizes[0], sizes[1], sizes[2], sizes[3] == 1
        n, begin, count = frames[b], begins[b], counts[b]
        lane, needed, place, like = index(), line(need, room), room * steps, scale[b]
        total = requirements(needed, labels, begin, count, lane)
        if lane == 0:
            losses[b] = zero(like)
            possible[b] = 1 if count < 0 or total <= n else 0
        if count < 0 or total > n or n == 0:
            nothing(b, 0, steps, batch, dx, like)
            return
        nothing(b, n, steps, batch, dx, like)
        target = labels, begin, count, blank
        begin_with(
            b, n, batch, place, x, dx, row(rests, room), shares, pivots, emissions, *target, softened, limits, like
        )
        barrier()
        old = 2 * KINDS * room
        if lane == 0:
            start(row(emissions, place), old, alphas, limits, row(bias, room), needed, count, like)
        barrier()
        old, offset = forward(n, place, old, alphas, emissions, weights, needed, row(bias, room), count, like)
        ends = row(alphas, old), row(alphas, old + 1)
        value, of_label, of_blank = two(
            entry(ends[1], count), entry(ends[0], count), present(count > 0), present(total < n)
        )
        if floored and order(value + offset) < order(limits[1]):
            if lane == 0:
                possible[b] = 0
            nothing(b, 0, n, batch, dx, like)
            return
        last = (place + n - 1) * KINDS
        if lane == 0:
            for k in range(KINDS):
                for j in range(0, len(row(posterior, last)), step()):
                    row(posterior, last + k)[j] = zero(spread(like))
            put(row(posterior, last), count, of_blank)
            if count > 0:
                put(row(posterior, last + 1), count, of_label)
            surprise = normalisers(row(rests, room), n) if softened else zero(like)
            losses[b] = (surprise - offset) - value
        barrier()
        backward(n, place, posterior, weights, count)
        finish(b, n, batch, place, dx, like, *target, softened, row(rests, room), shares, pivots, posterior)

    return of_row
