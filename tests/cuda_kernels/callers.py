"""Arrays as callers have them on a device, stand-ins for those of libraries that are not here, and numbers for the
target "reference" that it interprets: the truth of a small problem, without a compiler."""

import importlib.util

import numpy as np

from cuda_kernels import gpu, places
from refseq.arrays import lift


class Interface:
    """An array that has ``__cuda_array_interface__`` and nothing else; ``changes`` are planted in it."""

    def __init__(self, array, **changes):
        self._array, self._changes = gpu.cuda.to_device(array), changes

    @property
    def __cuda_array_interface__(self):
        address, dtype = places.address_of(self._array), self._array.dtype
        found = {"shape": tuple(self._array.shape), "typestr": dtype.str, "data": (address, False), "version": 3}
        return found | self._changes


class Capsule:
    """An array that has DLPack and nothing else, in the simulator, whose memory is the host's."""

    def __init__(self, array, device=(1, 0)):
        self._array, self._device, self.streams = array.copy(), device, []

    def __dlpack_device__(self):
        return self._device

    def __dlpack__(self, stream=None):
        self.streams.append(stream)
        return self._array.__dlpack__(stream=stream)


def _numba(array):
    return gpu.cuda.to_device(array)


def _torch(array):
    import torch

    return torch.from_numpy(array.copy()).to("cpu" if gpu.SIMULATOR else "cuda")


KINDS = {"numba": _numba, "interface": Interface}
if gpu.SIMULATOR:
    KINDS["dlpack"] = Capsule
if importlib.util.find_spec("torch"):
    KINDS["torch"] = _torch


def plain(values):
    """The same numbers as Python's, in objects: float64, whatever they were."""
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    return lift(values, float) if isinstance(values, np.ndarray) and values.dtype.kind == "f" else values


def floats(found):
    """numpy's numbers of what is made of objects."""
    return np.asarray(found, float)


def host(result):
    """numpy's array of a result."""
    return result.copy_to_host() if places.is_array(result) else result.cpu().numpy()


def mapped(function, given):
    """The function of an array, or of every array of a dict."""
    if isinstance(given, dict):
        return {name: mapped(function, part) for name, part in given.items()}
    return function(given) if isinstance(given, np.ndarray) or function is host else given
