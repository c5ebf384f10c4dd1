"""What a DLPack capsule says of an array: where it lies, its shape, strides and type.

Source: DLPack, dlpack.h, and its Python specification (dmlc.github.io/dlpack/latest/python_spec.html). A capsule that
is not consumed belongs to whoever made it: so it is kept, its name is not changed, and it frees itself.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

CPU, CUDA, CUDA_MANAGED = 1, 2, 13
"""kDLCPU, kDLCUDA, kDLCUDAManaged."""

FLOAT = 2
"""kDLFloat."""


class _Tensor(ctypes.Structure):
    """DLTensor."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Described:
    """``strides`` count entries; None if the entries follow one another. ``capsule`` keeps the memory."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    code: int
    bits: int
    lanes: int
    capsule: Any


def device(array: Any) -> tuple[int, int]:
    """The type and number of the device that an array with ``__dlpack__`` is on."""
    kind, number = array.__dlpack_device__()
    return int(kind), int(number)


def described(array: Any, stream: int | None) -> Described:
    """Ask the array, which makes its contents ready for a stream: -1 for "do not wait", None where there are none.
    Raises ValueError for what is no capsule of DLPack."""
    capsule = array.__dlpack__(stream=stream)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    tensor = _Tensor.from_address(pointer(capsule, b"dltensor"))
    count = tensor.ndim
    strides = tuple(tensor.strides[:count]) if tensor.strides else None
    address = (tensor.data or 0) + tensor.byte_offset
    return Described(address, tuple(tensor.shape[:count]), strides, tensor.code, tensor.bits, tensor.lanes, capsule)
