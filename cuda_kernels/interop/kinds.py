"""Whose arrays there are: torch's, cupy's, numba's, and anything with DLPack or ``__cuda_array_interface__``.

A kind knows its arrays, says where one lies, makes new ones with its own allocator, and names the stream to run on.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuda_kernels import gpu, places
from cuda_kernels.interop import choices, dlpack


@dataclass(frozen=True)
class Seen:
    """Where an array lies: ``strides`` in bytes, None if its entries follow one another; the number of its device;
    what keeps its memory; and a stream on which it is still being written, None if there is nothing to wait for."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    dtype: np.dtype
    device: int
    owner: Any
    stream: int | None = None


class Numba:
    """numba-cuda's own arrays, and all that speak a protocol. New arrays are numba-cuda's."""

    words = "an array on a CUDA device"

    def holds(self, array: Any) -> bool:
        """Whether it is of this kind."""
        protocols = ("__cuda_array_interface__", "__dlpack__")
        return places.is_array(array) or any(hasattr(type(array), name) for name in protocols)

    def seen(self, name: str, array: Any, stream: int) -> Seen:
        """Where it lies. Raises TypeError naming the argument for what cannot be read on a device."""
        if places.is_array(array):
            address, waits = places.address_of(array), int(array.stream) if array.stream else None
            device = places.device_of(address)
            return Seen(address, tuple(array.shape), array.strides, array.dtype, device, array, waits)
        interface = getattr(array, "__cuda_array_interface__", None)
        return _by_interface(name, interface, array) if interface is not None else _by_dlpack(name, array, stream)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, device: int) -> tuple[Any, int]:
        """A new array, whatever is in it, and where it lies."""
        made = gpu.cuda.device_array(shape, dtype)
        return made, places.address_of(made)

    def finished(self, array: Any, stream: Any) -> Any:
        """A result, which says on which stream it is written."""
        return array.bind(stream) if stream else array

    def stream(self, array: Any, device: int) -> int:
        """The handle of the stream to run on: that of the array, if it has one."""
        if places.is_array(array):
            return int(array.stream) if array.stream else 0
        interface = getattr(array, "__cuda_array_interface__", None) or {}
        return interface.get("stream") or 0


class Torch:
    """Tensors; in the simulator those of the CPU, as there the device's memory is the host's."""

    words = "a torch tensor on a CUDA device"

    def holds(self, array: Any) -> bool:
        """Whether it is of this kind."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(array, torch.Tensor)

    def seen(self, name: str, array: Any, stream: int) -> Seen:
        """Where it lies. Raises TypeError naming the argument."""
        torch = sys.modules["torch"]
        if array.layout != torch.strided or array.device.type != ("cpu" if gpu.SIMULATOR else "cuda"):
            raise TypeError(f"{name}: expected {self.words}, got one on {array.device}, layout {array.layout}")
        if array.requires_grad and torch.is_grad_enabled():
            raise TypeError(
                f"{name}: expected a tensor without requires_grad, as autograd records nothing; detach() it"
            )
        if array.is_neg():  # numbers whose sign is kept apart
            raise TypeError(f"{name}: expected a tensor with its numbers in memory, got a lazily negated one")
        known = {torch.float32: "float32", torch.float64: "float64"}
        if array.dtype not in known:
            raise TypeError(f"{name}: target 'cuda' takes {', '.join(known.values())}; got {array.dtype}")
        dtype = np.dtype(known[array.dtype])
        strides = tuple(step * dtype.itemsize for step in array.stride())
        return Seen(array.data_ptr(), tuple(array.shape), strides, dtype, array.device.index or 0, array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, device: int) -> tuple[Any, int]:
        """A new tensor, whatever is in it, and where it lies."""
        torch = sys.modules["torch"]
        place = "cpu" if gpu.SIMULATOR else f"cuda:{device}"
        made = torch.empty(shape, dtype=getattr(torch, str(dtype)), device=place)
        return made, made.data_ptr()

    def finished(self, array: Any, stream: Any) -> Any:
        """A result, written on torch's current stream."""
        return array

    def native(self, flat: Any, shape: tuple[int, ...], strides: tuple[int, ...], device: int) -> Any:
        """A tensor of memory that is flat for kernels; strides count entries."""
        torch = sys.modules["torch"]
        whole = torch.from_numpy(flat._ary) if gpu.SIMULATOR else torch.as_tensor(flat, device=f"cuda:{device}")
        return whole.as_strided(shape, strides)

    def stream(self, array: Any, device: int) -> int:
        """torch's current stream."""
        return 0 if gpu.SIMULATOR else sys.modules["torch"].cuda.current_stream(device).cuda_stream


class Cupy:
    """cupy's arrays."""

    words = "a cupy array"

    def holds(self, array: Any) -> bool:
        """Whether it is of this kind."""
        cupy = sys.modules.get("cupy")
        return cupy is not None and isinstance(array, cupy.ndarray)

    def seen(self, name: str, array: Any, stream: int) -> Seen:
        """Where it lies."""
        return Seen(array.data.ptr, array.shape, array.strides, array.dtype, array.device.id, array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, device: int) -> tuple[Any, int]:
        """A new array, whatever is in it, and where it lies."""
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(device):
            made = cupy.empty(shape, dtype)
        return made, made.data.ptr

    def finished(self, array: Any, stream: Any) -> Any:
        """A result, written on cupy's current stream."""
        return array

    def native(self, flat: Any, shape: tuple[int, ...], strides: tuple[int, ...], device: int) -> Any:
        """An array of memory that is flat for kernels; strides count entries."""
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(device):
            whole = cupy.asarray(flat)
            steps = tuple(step * whole.itemsize for step in strides)
            return cupy.lib.stride_tricks.as_strided(whole, shape, steps)

    def stream(self, array: Any, device: int) -> int:
        """cupy's current stream."""
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(device):
            return cupy.cuda.get_current_stream().ptr


Kind = Numba | Torch | Cupy
KINDS: tuple[Kind, ...] = (Torch(), Cupy(), Numba())


def kind_of(array: Any) -> Kind | None:
    """The kind of an array; None for numpy's and for what is no array."""
    if isinstance(array, np.ndarray | np.generic):
        return None
    return next((kind for kind in KINDS if kind.holds(array)), None)


def by_library(kind: Kind) -> bool:
    """Whether products are the library's. In the simulator they are not: bits are compared there."""
    return not isinstance(kind, Numba) and not choices.tiles.get() and not gpu.SIMULATOR


def stream_for(kind: Kind, array: Any, device: int, before: int = 0) -> int:
    """The handle of the stream to run on: torch's and cupy's own, as their allocators go by it. Without an array, of
    the others that which it was ``before``."""
    chosen = choices.stream.get()
    if isinstance(kind, Numba) and (chosen is not None or array is None):
        return before if chosen is None else chosen
    return kind.stream(array, device)


def _by_interface(name: str, interface: dict[str, Any], array: Any) -> Seen:
    """By the CUDA array interface, version 3."""
    if interface.get("mask") is not None:
        raise TypeError(f"{name}: expected an array without a mask, got one with a mask")
    address, dtype = interface["data"][0], np.dtype(interface["typestr"])
    shape, strides = tuple(interface["shape"]), interface.get("strides")
    strides = None if strides is None else tuple(strides)
    return Seen(address, shape, strides, dtype, places.device_of(address), array, interface.get("stream"))


def _by_dlpack(name: str, array: Any, stream: int) -> Seen:
    """By DLPack; the array is ready on the stream."""
    kind, device = dlpack.device(array)
    if kind not in ((dlpack.CPU,) if gpu.SIMULATOR else (dlpack.CUDA, dlpack.CUDA_MANAGED)):
        raise TypeError(f"{name}: expected an array on a CUDA device, got one on DLPack's device type {kind}")
    found = dlpack.described(array, None if gpu.SIMULATOR else stream or 1)
    if found.code != dlpack.FLOAT or found.lanes != 1:
        raise TypeError(f"{name}: target 'cuda' takes float32, float64; got DLPack's type {found.code}")
    dtype = np.dtype(f"float{found.bits}")
    strides = None if found.strides is None else tuple(step * dtype.itemsize for step in found.strides)
    return Seen(found.address, found.shape, strides, dtype, device, found.capsule)
