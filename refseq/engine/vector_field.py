"""Vectors as a number field of ``refseq.primitives``: the cells' own source then compiles to SIMD instructions."""

from refseq.engine import lanes, vector_log, vector_math
from refseq.engine.vector import Vector, ones
from refseq.primitives import register_compiled_field

register_compiled_field(
    Vector,
    {
        "one": ones,
        "tanh": vector_math.tanh,
        "sigmoid": vector_math.sigmoid,
        "exp": vector_math.exp,
        "relu": vector_math.relu,
        "relu_slope": vector_math.relu_slope,
        "sqrt": vector_math.sqrt,
        "clip": vector_math.clip,
        "clip_slope": vector_math.clip_slope,
        "log": vector_log.log,
        "log1p": vector_log.log1p,
        "larger": lanes.larger,
        "choose": lanes.choose,
    },
)
