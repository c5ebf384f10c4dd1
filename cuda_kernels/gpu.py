"""The one door to numba-cuda: every import of it, the device, and why it cannot be used where it cannot.

Importing this module always works. Without numba-cuda ``cuda`` is None and ``missing()`` says why; kernels are
therefore built on first use, never at import. With NUMBA_ENABLE_CUDASIM=1 in the environment numba-cuda replaces the
device by a simulator written in Python: slow, but one source then runs on every machine.
"""

import importlib
import importlib.util
import inspect
import operator
import threading
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from numba.extending import register_jitable

from cuda_kernels.simulated_waits import meet_blocks
from cuda_kernels.simulator import meeting_threads

INSTALL = "pip install 'refseq[cuda]'"
SIMULATE = "set NUMBA_ENABLE_CUDASIM=1 to run the kernels in numba-cuda's simulator"


def _open() -> tuple[Any, str | None]:
    """numba.cuda and None, or None and the reason. numba's own, deprecated CUDA target is not accepted instead."""
    if importlib.util.find_spec("numba_cuda") is None:
        return None, f"numba-cuda is not installed; {INSTALL}"
    try:
        from numba import cuda
    except ImportError as error:  # numba-cuda without its bindings
        return None, f"numba-cuda cannot be imported ({error}); {INSTALL}"
    return cuda, None


cuda, _closed = _open()

SIMULATED_MULTIPROCESSORS = 4
SIMULATED_CAPABILITY = (8, 0)
"""Of the simulator: the first that has everything that kernels ask for."""

SIMULATOR: bool = cuda is not None and bool(cuda.config.ENABLE_CUDASIM)
"""Whether numba-cuda was imported as its simulator."""


def _simulated() -> Any:
    """The module of the simulator that runs kernels."""
    return importlib.import_module("numba.cuda.simulator.kernel")


class _Running:
    """In the simulator: what a running kernel calls ``cuda``. The simulator itself only replaces the name in the file
    of the kernel, and so would not know the functions that a kernel calls from other files."""

    @property
    def shared(self) -> Any:
        """The memory of the block."""
        thread: Any = threading.current_thread()
        return thread.shared

    def __getattr__(self, name: str) -> Any:
        return getattr(_simulated()._get_kernel_context(), name)


device: Any = _Running() if SIMULATOR else cuda
"""numba.cuda as code that runs on the device sees it, in any file and whether compiled or simulated."""


@register_jitable
def thread() -> int:
    """The number of this thread in its block, whose threads are in one row."""
    return device.threadIdx.x


@register_jitable
def threads() -> int:
    """How many threads the block has."""
    return device.blockDim.x


@register_jitable
def barrier() -> None:
    """Wait for all threads of the block, and see what they wrote."""
    device.syncthreads()


def intrinsics() -> Any:
    """numba-cuda's decorator of functions that say which instructions they are; None where Python runs their twins."""
    if cuda is None or SIMULATOR:
        return None
    from numba.cuda.extending import intrinsic

    return intrinsic


def _row_function() -> Any:
    """``row``. A compiled function may return no part of an array, but an intrinsic may: it is a part of its caller."""
    intrinsic = intrinsics()
    if intrinsic is None:
        return lambda rows, n: rows[n]

    @intrinsic
    def row(typing: Any, rows: Any, n: Any) -> Any:
        signature = typing.resolve_function_type(operator.getitem, (rows, n), {}).return_type(rows, n)

        def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            return context.get_function(operator.getitem, signature)(builder, arguments)

        return signature, generate

    return row


row = _row_function()
"""row(rows, n), the row of an array."""


def _domain_barrier_function() -> Any:
    """``domain_barrier``, and its twin in Python for the simulator."""
    intrinsic = intrinsics()
    if intrinsic is None:
        return meet_blocks
    from llvmlite import ir
    from numba.core import types

    @intrinsic
    def domain_barrier(typing: Any, counters: Any, domain: Any, target: Any) -> Any:
        signature = types.void(counters, types.int64, types.uint32)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            context.active_code_library.use_cooperative = True  # all blocks of the grid run at the same time
            counter = context.make_array(signature.args[0])(context, builder, arguments[0])
            place = builder.ptrtoint(builder.gep(counter.data, [arguments[1]]), ir.IntType(64))
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64), ir.IntType(32)])
            code = ir.InlineAsm(kind, _DOMAIN_BARRIER, "l,r,~{memory}", side_effect=True)
            builder.call(code, [place, arguments[2]])
            return context.get_dummy_value()

        return signature, generate

    return domain_barrier


_DOMAIN_BARRIER = """{
.reg .u32 seen;
.reg .pred early;
red.release.gpu.global.add.u32 [$0], 1;
again_${:uid}:
ld.acquire.gpu.global.u32 seen, [$0];
setp.lt.u32 early, seen, $1;
@early bra again_${:uid};
}"""

domain_barrier = _domain_barrier_function()
"""domain_barrier(counters, domain, target): add 1 to counters[domain] (uint32), and wait until it is ``target``
or more.

For one thread of a block between two barriers of the block: what the block wrote before is then seen by every block
that has passed. Blocks with one counter are a domain; other domains are not waited for. The kernel is launched
cooperatively: all its blocks must fit on the device at the same time.
"""


def missing() -> str | None:
    """None if kernels can run here, else why not and what would help."""
    if _closed or SIMULATOR or cuda.is_available():
        return _closed
    from numba.cuda.cudadrv import nvvm

    if not nvvm.is_available():
        return f"numba-cuda finds no NVVM library to compile kernels with; {INSTALL}"
    reason = " ".join(str(cuda.cuda_error()).split())  # numba-cuda's text has several lines
    return f"numba-cuda finds no CUDA device ({reason}); {SIMULATE}"


def describe() -> str:
    """The current device, in words."""
    if _closed:
        return "no numba-cuda"
    if SIMULATOR:
        return "numba-cuda simulator"
    device = cuda.get_current_device()
    major, minor = device.compute_capability
    return f"{device.name}, compute capability {major}.{minor}"


def multiprocessors() -> int:
    """Of the current device; of the simulator, as many as a test has blocks at the same time."""
    return SIMULATED_MULTIPROCESSORS if SIMULATOR else cuda.get_current_device().MULTIPROCESSOR_COUNT


def capability() -> tuple[int, int]:
    """The compute capability of the current device."""
    return SIMULATED_CAPABILITY if SIMULATOR else tuple(cuda.get_current_device().compute_capability)


def jit(**options: Any) -> Callable[[Callable], Any]:
    """``cuda.jit(**options)`` for a kernel, on the device and in the simulator alike.

    The simulator's jit knows fewer options (no ``launch_bounds``, ``max_registers``, ``lineinfo``); those steer the
    compiler, so there they are dropped. Raises RuntimeError where numba-cuda is missing.
    """
    if _closed:
        raise RuntimeError(_closed)
    if SIMULATOR:
        known = inspect.signature(cuda.jit).parameters
        options = {name: value for name, value in options.items() if name in known}
    return cuda.jit(**options)


def launch(
    kernel: Any, blocks: int | tuple[int, ...], threads: int, arguments: tuple, stream: Any = 0, together: bool = False
) -> None:
    """Launch the kernel on a grid of ``blocks`` blocks of ``threads`` threads, on a stream as numba-cuda takes it.
    ``together``: its blocks wait for one another; on a device the kernel says so itself, by its ``domain_barrier``.

    numba-cuda warns of fewer than 128 blocks, where a device is under-used. True, but the batch is the caller's: that
    one warning is silenced, here and nowhere else; where colorama is installed its text begins with a colour.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Grid size .* under-utilization")
        configured = kernel[blocks, threads, stream]
    if not SIMULATOR:
        configured(*arguments)
        return
    with warnings.catch_warnings(), meeting_threads(_simulated(), together):
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's of overflow and the like: no device warns
        configured(*arguments)


def toolchain() -> SimpleNamespace:
    """numba-cuda's modules that compile a kernel: ``dispatcher``, ``compiler``, ``codegen``, ``driver``, ``typeof``.
    Raises RuntimeError where they are missing, as in the simulator."""
    if _closed or SIMULATOR:
        raise RuntimeError(f"no CUDA compiler: {_closed or 'numba-cuda was imported as its simulator'}")
    from numba.cuda.cudadrv import nvvm

    if not nvvm.is_available():
        raise RuntimeError(f"no CUDA compiler: numba-cuda finds no NVVM library; {INSTALL}")
    from cuda.pathfinder import load_nvidia_dynamic_lib

    for library in ("nvrtc", "nvJitLink"):  # a toolkit on the system may have the one and not the others
        try:
            load_nvidia_dynamic_lib(library)
        except RuntimeError as error:
            raise RuntimeError(
                f"no CUDA compiler: numba-cuda finds no {library} library ({error}); {INSTALL}"
            ) from error
    modules = ("dispatcher", "compiler", "codegen", "cudadrv.driver", "typing.typeof")
    found = {name.rpartition(".")[2]: importlib.import_module(f"numba.cuda.{name}") for name in modules}
    return SimpleNamespace(**found)
