"""The gradients of matrices and biases from ``da`` of a chunk, in parts that share the rows of the matrices.

Every entry is a sum over the chunk's steps, the last first, and over the sorted rows of each; it begins with what the
later chunks have left. So neither chunks nor slices nor threads change a bit.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD, GRADIENT, GRADIENT_LINE, SUM, SUM_LINE
from refseq.engine.memory import keep_apart, loader, storer, strip_of, word
from refseq.engine.products import BAND
from refseq.engine.rows import copying, operand, running, states_at, tape_at
from refseq.engine.tile import WIDE


@cache
def gradient(dtype: str) -> CFunction:
    """A part's share for the steps begin <= t < end: f(job, part, begin, end)."""
    add = copying(dtype).add
    multiply = caller(7)
    element = vector.element_of(dtype)
    load, store, zero = loader(element), storer(element), element(0)
    lanes, band, strip = vector.lanes(dtype), BAND, strip_of(element)
    panel = WIDE * lanes

    @register_jitable
    def slice_row(job, number, begin, t, width):
        """Where the first row of a slice at step t is in the arrays of a chunk, for rows of ``width`` entries."""
        bounds = word(job, FIELD.bounds)
        first, count = word(bounds, number), word(bounds, number + 1) - word(bounds, number)
        return (word(job, FIELD.chunk) * first + (t - begin) * count) * width * word(job, FIELD.size)

    @register_jitable
    def pack_da(job, slot, first, height, begin, end, to):
        """Entries first <= j < first + height of a pre-activation's cotangents, one row of BAND after another."""
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        bounds = word(job, FIELD.bounds)
        r = 0
        for back in range(end - begin):
            t = end - 1 - back
            for number in range(word(job, FIELD.slices)):
                source = word(job, FIELD.a) + slice_row(job, number, begin, t, slots * width) + slot * width * size
                for b in range(running(job, word(bounds, number), word(bounds, number + 1), t)):
                    here = source + b * slots * width * size
                    for j in range(height):
                        store(to, r * band + j, load(here, first + j))
                    r += 1
        return r

    @register_jitable
    def pack_operand(job, kind, row, count, begin, end, total, to):
        """The operand's rows in panels, each of ``total`` rows; what is beyond its entries is 0."""
        size, width = word(job, FIELD.size), word(job, FIELD.width)
        states, stored, inputs = word(job, FIELD.states), word(job, FIELD.stored), word(job, FIELD.inputs)
        stride = operand(kind, inputs, states * width, states * width, stored * width) * size
        bounds = word(job, FIELD.bounds)
        vectors = (count + lanes - 1) // lanes
        r = 0
        for back in range(end - begin):
            t = end - 1 - back
            for number in range(word(job, FIELD.slices)):
                first = word(bounds, number)
                x = word(job, FIELD.x_rows) + slice_row(job, number, begin, t, inputs)
                source = operand(
                    kind, x, states_at(job, t, first), states_at(job, t + 1, first), tape_at(job, t, first)
                )
                for b in range(running(job, first, word(bounds, number + 1), t)):
                    here = source + b * stride + row * width * size
                    for v in range(vectors):
                        columns = panel if v // 2 < vectors // 2 else lanes
                        place = (v // 2) * total * panel + r * columns + (v % 2) * lanes
                        have = min(lanes, count - v * lanes)
                        if have == lanes:
                            strip(to, 0)[0, place] = strip(here, 0)[0, v * lanes]
                        else:
                            for j in range(lanes):
                                store(to, place + j, load(here, v * lanes + j) if j < have else zero)
                    r += 1

    @register_jitable
    def rows_of(job, begin, end):
        """Rows of all steps."""
        total = 0
        for t in range(begin, end):
            total += running(job, 0, word(job, FIELD.rows), t)
        return total

    def engine_gradient(job, part, begin, end):
        keep_apart()
        product = word(job, FIELD.turned)
        size, width, parts = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.parts)
        slots, bounds = word(job, FIELD.slots), word(job, FIELD.bounds)
        total = rows_of(job, begin, end)
        left = word(job, FIELD.left) + part * word(job, FIELD.side_left) * size
        right = word(job, FIELD.right) + part * word(job, FIELD.side_right) * size
        for k in range(word(job, FIELD.gradients_count)):
            line = word(job, FIELD.gradients) + k * GRADIENT_LINE
            units, count, stride = word(line, GRADIENT.units), word(line, GRADIENT.count), word(line, GRADIENT.stride)
            bands = (units + band - 1) // band
            pieces = word(line, GRADIENT.gates) * bands
            low, high = pieces * part // parts, pieces * (part + 1) // parts
            if low < high:
                kind, row = word(line, GRADIENT.kind), word(line, GRADIENT.row)
                pack_operand(job, kind, row, count, begin, end, total, right)
            for piece in range(low, high):
                gate, first = piece // bands, piece % bands * band
                height = min(band, units - first)
                pack_da(job, word(line, GRADIENT.slot) + gate, first, height, begin, end, left)
                place = word(line, GRADIENT.begin) + (gate * units + first) * stride
                target = word(word(job, FIELD.targets), word(line, GRADIENT.target)) + place * size
                multiply(product, left, height, total, right, target, stride, (count + lanes - 1) // lanes)
        count = word(job, FIELD.sums_count)
        for k in range(count * part // parts, count * (part + 1) // parts):
            line = word(job, FIELD.sums) + k * SUM_LINE
            for back in range(end - begin):
                t = end - 1 - back
                for number in range(word(job, FIELD.slices)):
                    source = word(job, FIELD.a) + slice_row(job, number, begin, t, slots * width)
                    source += word(line, SUM.slot) * width * size
                    target = word(word(job, FIELD.targets), word(line, SUM.target)) + word(line, SUM.begin) * size
                    for b in range(running(job, word(bounds, number), word(bounds, number + 1), t)):
                        add(target, source + b * slots * width * size, word(line, SUM.units))

    return compiled_c(engine_gradient, 4, dtype)
