"""float32 rounded to the operands of tensor cores, bit for bit as a device's instructions do it.

    tf32  cvt.rna.tf32.f32  8 bits of exponent and 10 of fraction; to nearest, ties away from zero; the other 13 bits 0
    bf16  cvt.rn.bf16.f32   8 bits of exponent and 7 of fraction; to nearest, ties to even; the upper half of a float32

Both have float32's range: subnormal numbers stay what they are, up to rounding; what is rounded beyond the largest
finite number is infinite; NaN becomes the one NaN that NVIDIA's instructions write. Source: PTX ISA, cvt.
"""

from typing import Any

import numpy as np

ROUNDOFF = {"tf32": 2.0**-11, "bf16": 2.0**-8}
"""The largest relative error of rounding a normal number."""

_SIGN, _INFINITY, _NAN = 0x80000000, 0x7F800000, 0x7FFFFFFF


def _bits(x: Any) -> np.ndarray:
    return np.asarray(x, np.float32).view(np.uint32)


def _is_nan(bits: np.ndarray) -> np.ndarray:
    return (bits & ~np.uint32(_SIGN)) > _INFINITY


def tf32(x: Any) -> np.ndarray:
    """The bits (uint32) of float32 numbers rounded to TF32."""
    bits = _bits(x)
    return np.where(_is_nan(bits), np.uint32(_NAN), (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000))


def bf16(x: Any) -> np.ndarray:
    """The 16 bits (in uint32) of float32 numbers rounded to bfloat16."""
    bits = _bits(x)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return np.where(_is_nan(bits), np.uint32(_NAN >> 16), (bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


def of_tf32(bits: Any) -> np.ndarray:
    """The float32 that tensor cores see in the bits of a TF32: its last 13 bits are not looked at."""
    return (np.asarray(bits, np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def of_bf16(bits: Any) -> np.ndarray:
    """The float32 that is a bfloat16 with these 16 bits."""
    return (np.asarray(bits, np.uint32) << np.uint32(16)).view(np.float32)


def rounded(x: Any, precision: str) -> np.ndarray:
    """float32 numbers rounded to a precision, in float32."""
    return of_tf32(tf32(x)) if precision == "tf32" else of_bf16(bf16(x))
