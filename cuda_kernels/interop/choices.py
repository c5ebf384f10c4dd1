"""What a caller may choose for the calls inside a ``with``: a stream, and whose products."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

stream: ContextVar[int | None] = ContextVar("stream", default=None)
"""The handle of a stream."""

tiles: ContextVar[bool] = ContextVar("tiles", default=False)
"""Whether products are taken by tiles, whosever the arrays are."""


@contextmanager
def on_stream(given: Any) -> Iterator[None]:
    """Inside, layers run on this stream: a cudaStream_t as an integer, or a stream of torch, cupy, numba-cuda or
    cuda.core. Not those with arrays of torch and cupy, which have a current stream of their own. Raises TypeError for
    what is no stream."""
    token = stream.set(handle_of(given))
    try:
        yield
    finally:
        stream.reset(token)


def handle_of(stream: Any) -> int:
    """The cudaStream_t of a stream."""
    if isinstance(stream, int) and not isinstance(stream, bool):
        return stream
    for name in ("cuda_stream", "ptr"):  # torch, cupy
        if isinstance(getattr(stream, name, None), int):
            return getattr(stream, name)
    protocol = getattr(stream, "__cuda_stream__", None)  # cuda.core's: version, handle
    if protocol is not None:
        return int(protocol()[1])
    raise TypeError(f"stream: expected a CUDA stream or its handle, got {type(stream).__name__}")


@contextmanager
def own_products() -> Iterator[None]:
    """Inside, products of torch's and cupy's arrays are taken by tiles as well, with the bits of every other kind; else
    by the matrix product of the library (``library_products``)."""
    token = tiles.set(True)
    try:
        yield
    finally:
        tiles.reset(token)
