"""What the machine can do at most, measured in the same run: a matrix product, and moving memory.

    GEMM   N x N x N with N = 2048, by torch and by numpy; 2 N^3 operations. The peak is the fastest call of the faster
    memory an array much larger than the caches, copied, and multiplied in place, each thread its part; bytes read and
           bytes written. The faster counts: to write what was not read costs a read that is not counted

Each is measured now and then throughout the run, and the fastest call counts: a busy machine never makes it faster.
"""

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from refseq.bench.clock import once

SIZE = 2048
MOVED = 2**27
"""Bytes of the array that is moved: 128 MiB."""


class Ceiling:
    """Keeps the best rates seen so far: GFLOP/s by dtype and library, and bytes per second."""

    def __init__(self, dtypes: list[str], threads: int, size: int = SIZE, moved: int = MOVED) -> None:
        self.size, self.moved, self.threads = size, moved, threads
        self.calls = {dtype: _products(dtype, size) for dtype in dtypes}
        self.gflops: dict[str, dict[str, float]] = {dtype: {} for dtype in dtypes}
        self.bandwidth: dict[str, float] = {}
        self._from, self._to = np.ones(moved // 8), np.zeros(moved // 8)

    def measure(self, only: str | None = None) -> None:
        """One call of everything, or of what concerns one dtype."""
        for dtype in self.calls if only is None else (only,):
            for name, call in self.calls[dtype].items():
                rate = 2 * self.size**3 / once(call) / 1e9
                self.gflops[dtype][name] = max(rate, self.gflops[dtype].get(name, 0.0))
        pieces = list(zip(*(np.array_split(a, self.threads) for a in (self._to, self._from)), strict=True))
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(_nothing, pieces))  # the threads start here
            for name, work in {"copy": _copy, "in place": _scale}.items():
                rate = 2 * self._to.nbytes / once(lambda work=work: list(pool.map(work, pieces)))
                self.bandwidth[name] = max(rate, self.bandwidth.get(name, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "gemm": {
                dtype: {"size": self.size, "gflops": max(rates.values(), default=0.0), "by_library": dict(rates)}
                for dtype, rates in self.gflops.items()
            },
            "memory": {
                "bytes": self.moved,
                "bytes_per_second": max(self.bandwidth.values(), default=0.0),
                "by_kind": dict(self.bandwidth),
            },
        }


def _products(dtype: str, size: int) -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)
    A, B = (rng.normal(size=(size, size)).astype(dtype) for _ in range(2))
    C = np.empty_like(A)
    calls: dict[str, Callable[[], Any]] = {"numpy": lambda: np.matmul(A, B, out=C)}
    if importlib.util.find_spec("torch"):
        import torch

        a, b, c = (torch.from_numpy(value) for value in (A, B, C))
        calls["torch"] = lambda: torch.mm(a, b, out=c)
    return calls


def _copy(piece: tuple[np.ndarray, np.ndarray]) -> None:
    np.copyto(*piece)


def _scale(piece: tuple[np.ndarray, np.ndarray]) -> None:
    np.multiply(piece[0], 1.0, out=piece[0])


def _nothing(piece: object) -> None:
    pass


def torch_work(size: int = 256) -> Callable[[], Any]:
    """What the hostile setting does between the calls: a product of torch's with all its threads."""
    import torch

    a = torch.ones(size, size)
    return lambda: torch.mm(a, a)
