"""Where arrays lie on the device, and on which streams: addresses and handles in place of objects of numba-cuda.

In the simulator the device's memory is the host's.
"""

import ctypes
import importlib
import math
from functools import cache
from typing import Any

import numpy as np

from cuda_kernels import gpu


def array_at(address: int, shape: tuple[int, ...], dtype: np.dtype, owner: Any) -> Any:
    """An array as kernels take it, of memory that is the device's and ``owner`` keeps, one entry after another."""
    if 0 in shape:
        return gpu.cuda.device_array(shape, dtype)
    if not gpu.SIMULATOR:
        described = {"shape": shape, "strides": None, "typestr": dtype.str, "data": (address, False), "version": 3}
        return gpu.cuda.from_cuda_array_interface(described, owner=owner, sync=False)
    fake = importlib.import_module("numba.cuda.simulator.cudadrv.devicearray").FakeCUDAArray
    memory: Any = (ctypes.c_byte * (math.prod(shape) * dtype.itemsize)).from_address(address)
    return fake(np.frombuffer(memory, dtype).reshape(shape))


def is_array(array: Any) -> bool:
    """Whether this is numba-cuda's own array on the device."""
    return getattr(array, "__cuda_ndarray__", False) is True


def address_of(array: Any) -> int:
    """Where numba-cuda's own array is."""
    return array._ary.ctypes.data if gpu.SIMULATOR else array.device_ctypes_pointer.value or 0


def device_of(address: int) -> int:
    """The number of the device whose memory this is; the current one's of an address that is none, 0."""
    if gpu.SIMULATOR:
        return 0
    if not address:
        return gpu.cuda.current_context().device.id
    driver = importlib.import_module("numba.cuda.cudadrv.driver")
    ordinal = driver.binding.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(driver.driver.cuPointerGetAttribute(ordinal, driver.binding.CUdeviceptr(address)))


def stream_at(handle: int) -> Any:
    """The stream of a handle, as ``launch`` takes it: 0 and 1 the default stream, 2 that of the thread, else a
    cudaStream_t. The simulator has none."""
    return 0 if gpu.SIMULATOR or not handle else _stream_at(handle)


def copying(handle: int) -> Any:
    """The same stream, for a copy that the host should not wait for, as numba-cuda does where it is told none."""
    return 0 if gpu.SIMULATOR else _stream_at(handle or 1)


@cache
def _stream_at(handle: int) -> Any:
    special = {1: gpu.cuda.legacy_default_stream, 2: gpu.cuda.per_thread_default_stream}
    return special[handle]() if handle in special else gpu.cuda.external_stream(handle)


def wait(stream: Any, other: Any) -> None:
    """What comes on the stream waits for what is on the other; the host waits for neither."""
    event = gpu.cuda.event(timing=False) if not gpu.SIMULATOR else gpu.cuda.event()
    event.record(other)
    event.wait(stream)


def finish(stream: Any) -> None:
    """The host waits for what is on a stream."""
    (stream or gpu.cuda.default_stream()).synchronize()


def memory_size() -> float:
    """Bytes of memory that the current device has; the simulator's are not counted."""
    return math.inf if gpu.SIMULATOR else _memory_of(gpu.cuda.get_current_device().id)


@cache
def _memory_of(device: int) -> float:
    return gpu.cuda.current_context(device).get_memory_info().total
