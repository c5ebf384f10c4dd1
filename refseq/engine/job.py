"""What the engine's drivers are told: a table of 64-bit integers, a *job*, and programs, tables of a few columns.

A driver is compiled once for each precision and runs any cell: what the cell is made of is in the job. Rows of the
batch are worked on in the order of falling length, so that those that still run are always the first ones.
"""

from collections import namedtuple

_FIELDS = (
    "size rows width wide inputs padded_inputs outputs mask_size slots states stored vectors masks own numbers steps "
    "start stop reverse chunk keep slices parts bounds order lengths x m s0 final y p matrices biases s tape packed "
    "bias p_rows a x_rows m_rows tilts tilt_sizes alike fills fills_count packs packs_count ahead ahead_count program "
    "program_count dy ds_in ds_out dx dp ds d0 dv dx_rows left right side_left side_right back back_count after "
    "after_count gradients gradients_count sums sums_count targets product turned shares spans phases share "
    "pool call give_way"
)

Job = namedtuple("Job", _FIELDS)
"""The fields of a job by name. Arrays are addresses; sizes are counted in entries.

size   bytes of a float              width   entries of a row inside, a multiple of the vector's
rows   B                             wide    entries of a row of the caller's states and parameters
steps  T; start, stop: the piece     chunk   steps whose affine maps of x are taken at a time
keep   1: s and tape keep every step; 0: for inference
bounds   first row of each slice, and the end        parts   how many share what does not belong to a slice
order    the caller's number of every row            lengths  of the rows, falling
matrices, biases, targets   tables of addresses: of the parameters, and of their gradients

The caller's, in the caller's order:
    x, dx (T, B, K)  m (T, B, Q, mask_size)  y, dy (T, B, outputs)
    s0, final, ds_in, ds_out (B, S, wide)  p (numbers, wide)
The engine's, rows sorted, as in ``refseq.scan``:
    s (n+1, B, S, width)  tape (n, B, N, width)  ds, d0 (B, S, width)  dv (B, V, width)  dp (B, own, width)
    bias (A, width)  p_rows (numbers, width)
of a chunk; a slice of rows b0 <= b < b1 has the part from chunk * b0 on, (chunk, b1 - b0, ...):
    a, da (A, width)  x_rows (K)  dx_rows (padded K)  m_rows (Q, width)
left, right   packed operands of the gradients; each part has side_left and side_right entries of its own
packed        the packed blocks of the matrices; programs hold offsets into it, in bytes

product, turned    addresses of the products of ``refseq.engine.products``
shares, spans, phases    instructions in shares of the units (``refseq.engine.shares``), and phases of a step; 0: none
share         address of the driver's function of a share
pool, call, give_way     the threads that take shares, and how they are called (``refseq.engine.threads``); 0: nobody
"""

FIELD = Job(*range(len(Job._fields)))
"""The place of every field in the table."""

X, OLD, NEW, TAPE = range(4)
"""Where an operand is: the kinds of ``refseq.layout.Place``."""
KINDS = {"x": X, "old": OLD, "new": NEW, "tape": TAPE}

PRODUCT, ADD, STAGE, TILT = range(4)
"""What an instruction does: an affine map; an operand as it is; a stage's function; rows' own changes to a gate."""

ONE = 4
"""The kind of operand that a bias has."""

Instruction = namedtuple("Instruction", "does kind row count slot vectors address begin")
"""does: one of the above. kind, row: the operand. count: its entries that are read (STAGE: the units). slot: the first
pre-activation. vectors: those of a row of the result. address: where in ``packed`` the matrix is, or the function, or
which gate a TILT is about. begin: the first column, in entries (of a share; else 0)."""
INSTRUCTION = Instruction(*range(len(Instruction._fields)))
LINE = 8 * len(INSTRUCTION)

Tilt = namedtuple("Tilt", "gate input unit")
"""What is different in a row of the batch: entry (unit, input) of one gate of a matrix, or a unit of a bias. Gates are
numbered through all matrices, then all rows of biases. ``tilt_sizes`` has by how much. ``alike``: a number for every
row, equal where x is the same; 0: no two are."""
TILTED = Tilt(*range(len(Tilt._fields)))
TILT_LINE = 8 * len(TILTED)

SPAN_LINE = 16
"""Bytes of a span: first instruction, how many."""

Pack = namedtuple("Pack", "matrix begin by_row by_block by_column rows blocks columns padded to")
"""Pack blocks of a matrix: entry (k, g, j) is ``begin + k by_row + g by_block + j by_column``; ``columns`` of a block,
filled up with zeros to ``padded``; to: where in ``packed``, in bytes."""
PACK = Pack(*range(len(Pack._fields)))
PACK_LINE = 8 * len(PACK)

Fill = namedtuple("Fill", "slot bias begin count")
"""What a pre-activation begins with: ``count`` entries of a bias from ``begin`` on."""
FILL = Fill(*range(len(Fill._fields)))
FILL_LINE = 8 * len(FILL)

Gradient = namedtuple("Gradient", "kind row count slot gates units target begin stride")
"""The gradient of one product's blocks: ``gates`` of ``units`` rows each, ``stride`` entries apart, from entry
``begin`` of a target on; ``count``: entries of the operand."""
GRADIENT = Gradient(*range(len(Gradient._fields)))
GRADIENT_LINE = 8 * len(GRADIENT)

Sum = namedtuple("Sum", "slot units target begin")
"""A bias: the sum of a pre-activation's cotangents."""
SUM = Sum(*range(len(Sum._fields)))
SUM_LINE = 8 * len(SUM)
