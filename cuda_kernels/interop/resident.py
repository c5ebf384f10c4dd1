"""An array on the device with the views and operations that a layer needs around its launches.

Views are arithmetic on addresses, shapes and strides; whatever touches numbers is a launch of a kernel. Nothing here
reads the device or waits for it.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cuda_kernels import arithmetic, memory, norms, places
from cuda_kernels.memory import strides_of
from cuda_kernels.rowwise import run_rows
from refseq.arrays import Elsewhere
from refseq.seq2seq.embedding import build_gather

if TYPE_CHECKING:
    from cuda_kernels.interop.guest_machine import GuestMachine

Shape = tuple[int, ...]


class Resident(Elsewhere):
    """``address``: of the first entry; ``strides`` count entries; ``owner`` keeps the memory; ``whole``: the array
    of the caller's kind that this is a view of, and how many entries it has; None of what is the caller's own.
    ``given`` is that, and ``back`` too if results are written to it."""

    def __init__(
        self, machine: "GuestMachine", address: int, shape: Shape, strides: Shape, dtype: np.dtype, owner: Any
    ) -> None:
        self.machine, self.address, self.shape, self.strides = machine, address, shape, strides
        self.dtype, self.owner = dtype, owner
        self.whole: tuple[Any, int] | None = None
        self.given: Any = None
        self.back: Any = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def packed(self) -> bool:
        """Whether the entries follow one another in memory."""
        axes = zip(self.shape, self.strides, strides_of(self.shape), strict=True)
        return not self.size or all(step == want for count, step, want in axes if count > 1)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("an array on a device is not copied to the host unasked")

    def __len__(self) -> int:
        return self.shape[0]

    def view(self, offset: int, shape: Shape, strides: Shape) -> "Resident":
        """Another look at the same memory; the offset counts entries."""
        address = self.address + offset * self.dtype.itemsize
        new = Resident(self.machine, address, shape, strides, self.dtype, self.owner)
        new.whole = self.whole
        return new

    def __getitem__(self, index: Any) -> "Resident":
        """A view, by integers, slices without a step, None for a new axis, and one Ellipsis."""
        given = index if isinstance(index, tuple) else (index,)
        if Ellipsis in given:
            at = given.index(Ellipsis)
            fill = self.ndim - len(given) + 1 + given.count(None)
            given = (*given[:at], *[slice(None)] * fill, *given[at + 1 :])
        given = (*given, *[slice(None)] * (self.ndim - len(given) + given.count(None)))
        offset, shape, strides = 0, [], []
        axes = iter(zip(self.shape, self.strides, strict=True))
        for entry in given:
            if entry is None:
                shape.append(1)
                strides.append(0)
                continue
            count, step = next(axes)
            if isinstance(entry, slice):
                first, last, by = entry.indices(count)
                assert by == 1  # nobody here steps
                offset += first * step
                shape.append(max(last - first, 0))
                strides.append(step)
            else:
                if not -count <= entry < count:
                    raise IndexError(f"index {entry} of an axis of {count}")  # also what ends a loop over the array
                offset += entry % count * step
        return self.view(offset, tuple(shape), tuple(strides))

    def __setitem__(self, index: Any, value: Any) -> None:
        """Copy an array, or a number, to all entries of a view."""
        to = self[index]
        if not isinstance(value, Resident):
            value = self.machine.place(np.array([value], self.dtype)).reshape(())
        value = value.broadcast(to.shape)
        memory.move(self.machine, to.shape, to.span(), to.strides, value.span(), value.strides)

    def span(self) -> Any:
        """The memory from the first to the last entry, flat, as kernels take it."""
        reach = sum((count - 1) * step for count, step in zip(self.shape, self.strides, strict=True)) + 1
        return places.array_at(self.address, (reach if self.size else 0,), self.dtype, self.owner)

    def argument(self) -> Any:
        """As kernels take it. The entries follow one another."""
        assert self.packed
        return places.array_at(self.address, self.shape, self.dtype, self.owner)

    def broadcast(self, shape: Shape) -> "Resident":
        """See ``Elsewhere``."""
        fill = len(shape) - self.ndim
        mine = (1,) * fill + self.shape
        assert all(have in (1, want) for have, want in zip(mine, shape, strict=True))  # as numpy's
        steps = (0,) * fill + self.strides
        strides = tuple(0 if have != want else step for have, want, step in zip(mine, shape, steps, strict=True))
        return self.view(0, shape, strides)

    def transpose(self, *axes: int) -> "Resident":
        """A view with the axes in this order."""
        return self.view(0, tuple(self.shape[k] for k in axes), tuple(self.strides[k] for k in axes))

    def reshape(self, *shape: Any) -> "Resident":
        """A view of another shape, or a copy if the entries do not follow one another; one length may be -1."""
        sizes = shape[0] if isinstance(shape[0], tuple) else shape
        known = -math.prod(sizes)
        sizes = tuple(self.size // known if count == -1 and known else count for count in sizes)
        new = self.contiguous()
        return new.view(0, sizes, strides_of(sizes))

    def zeros(self, shape: Shape) -> "Resident":
        """See ``Elsewhere``."""
        return self.machine.zeros(shape, self.dtype)

    def empty(self, shape: Shape) -> "Resident":
        """See ``Elsewhere``."""
        return self.machine.empty(shape, self.dtype)

    def sent(self, array: np.ndarray) -> "Resident":
        """See ``Elsewhere``."""
        return self.machine.send(array)

    def rows(self, index: np.ndarray) -> "Resident":
        """See ``Elsewhere``."""
        count, *rest = self.shape
        width = math.prod(rest)
        new = self.machine.zeros((len(index), width), self.dtype)
        given: list[Any] = [index, self.reshape(count, width)]
        if width:
            run_rows(self.machine, build_gather, (), len(index), given, [new], [], width)
        return new.reshape(len(index), *rest)

    def read(self) -> np.ndarray:
        """See ``Elsewhere``."""
        return self.machine.read(self)

    def weighed(self, weights: np.ndarray) -> "Resident":
        """See ``Elsewhere``."""
        return norms.weighed(self.machine, self.contiguous().reshape(self.size), weights.reshape(-1))

    def writable(self, name: str) -> "Resident":
        """See ``Elsewhere``."""
        if self.given is None or not self.packed:
            raise ValueError(f"{name}: expected an array of the caller's whose entries follow one another")
        new = self.view(0, self.shape, self.strides)
        new.back = self.given
        return new

    def copy(self) -> "Resident":
        """A copy, one entry after another."""
        new = self.machine.empty(self.shape, self.dtype)
        new[...] = self
        return new

    def contiguous(self) -> "Resident":
        """See ``Elsewhere``."""
        return self if self.packed else self.copy()

    def beside(self, others: Sequence["Resident"]) -> "Resident":
        """See ``Elsewhere``."""
        arrays, start = (self, *others), 0
        new = self.machine.empty((*self.shape[:-1], sum(array.shape[-1] for array in arrays)), self.dtype)
        for array in arrays:
            new[..., start : start + array.shape[-1]] = array
            start += array.shape[-1]
        return new

    def __add__(self, other: "Resident") -> "Resident":
        new = self.copy()
        self.machine.entries(arithmetic.kernels(str(self.dtype)).add, new, other.contiguous())
        return new

    def __truediv__(self, divisor: int) -> "Resident":
        assert math.frexp(divisor)[0] == 0.5  # a power of two: the product has the quotient's bits
        new = self.copy()
        self.machine.entries(arithmetic.kernels(str(self.dtype)).scale, new, self.dtype.type(1 / divisor))
        return new

    def sum(self, axis: int = 0, *, keepdims: bool = False) -> "Resident":
        """The sum over the first axis, from its first entry to the last."""
        assert axis == 0
        rest = self.shape[1:]
        made = self.machine.total(self.contiguous().reshape(1, len(self), 1, math.prod(rest)))
        return made.reshape((1, *rest) if keepdims else rest)
