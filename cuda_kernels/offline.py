"""Compile kernels to machine code for a given device family without a device or driver, and report what they cost.

The path is the one of a launch: Python, NVVM, LTO-IR, nvJitLink, cubin. numba-cuda asks the current device for its
compute capability on the way, so while compiling a stand-in answers. Needs the compiler libraries (pip install
'refseq[cuda]'), not the simulator.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from cuda_kernels import cubin, gpu

Capability = tuple[int, int]

_FLOAT64 = re.compile(r"^\s*(?:@!?%p\d+\s+)?([a-z]\w*(?:\.\w+)*\.f64(?:\.\w+)*)", re.MULTILINE)
_DIVISION = re.compile(r"^\s*(?:@!?%p\d+\s+)?((?:div|rem)\.[su]64)", re.MULTILINE)
_MATRICES = re.compile(r"^\s*(mma\.sync\.\S+)", re.MULTILINE)
_LABEL = re.compile(r"^(\$\w+):", re.MULTILINE)
_BRANCH = re.compile(r"^\s*(?:@!?%p\d+\s+)?bra(?:\.uni)?\s+(\$\w+);", re.MULTILINE)


@dataclass(frozen=True)
class Report:
    """A kernel's costs on one device family: registers per thread, bytes of stack and spills per thread and of shared
    memory per block (from compute capability 9.0 on, 1024 of them are the system's), and the float64 instructions in
    its PTX and the 64-bit integer divisions in its loops, each with its opcode. ``cooperative``: it is launched with
    all its blocks at the same time. ``matrices``: products by tensor cores, with their opcodes."""

    kernel: str
    capability: Capability
    registers: int
    stack: int
    spills: int
    shared: int
    float64: tuple[str, ...]
    divisions: tuple[str, ...]
    cooperative: bool
    matrices: tuple[str, ...]

    def faults(self, single: bool) -> list[str]:
        """What a kernel of refseq must not have; ``single`` if all its data are float32."""
        found = []
        if self.stack:
            found.append(f"{self.stack} bytes of stack")
        if self.spills:
            found.append(f"{self.spills} bytes of registers are spilled to memory")
        if self.divisions:
            found.append(f"64-bit integer division in a loop: {', '.join(self.divisions)}")
        if single and self.float64:
            found.append(f"float64 in a float32 kernel: {', '.join(self.float64)}")
        return found


def signature(*arguments: Any) -> tuple:
    """The types of a launch with these arguments; arrays stand for device arrays of their dtype and dimensions."""
    typeof = gpu.toolchain().typeof.typeof
    return tuple(typeof(np.array(a, order="C") if isinstance(a, np.ndarray) else a) for a in arguments)


def compile_kernel(kernel: Any, types: Sequence, capabilities: Sequence[Capability]) -> list[Report]:
    """Compile a ``gpu.jit`` kernel for these argument types and report on each device family.

    Raises RuntimeError without a compiler, and whatever numba-cuda or the linker raises if the kernel does not compile.
    """
    tools = gpu.toolchain()
    options = {name: value for name, value in kernel.targetoptions.items() if name in _COMPILER_OPTIONS}
    with _device(tools, capabilities[0]), _verbose_linker(tools):
        compiled = tools.dispatcher._Kernel(kernel.py_func, tuple(types), lto=True, **options)
        texts: dict[bool, str] = {}
        for capability in capabilities:  # one text for each optimiser: it takes as long as the machine code
            if generation(capability) not in texts:
                texts[generation(capability)] = ptx(compiled, capability)
        return [_report(compiled, capability, texts[generation(capability)]) for capability in capabilities]


def generation(capability: Capability) -> bool:
    """Which optimiser NVVM has for the device family: an older one, or that of Blackwell. A kernel's PTX is the same
    for all families of one, but for the line that names the family."""
    return capability >= (10, 0)


_COMPILER_OPTIONS = ("fastmath", "max_registers", "launch_bounds", "opt", "forceinline")


def _family(capability: Capability) -> tuple[int, int, str]:
    """From 9.0 on numba-cuda compiles for the exact device family, sm_90a and so on."""
    return (*capability, "a" if capability >= (9, 0) else "")


def ptx(compiled: Any, capability: Capability) -> str:
    """The PTX of a kernel that numba-cuda has compiled."""
    return compiled._codelibrary.get_asm_str(cc=_family(capability))


def _report(compiled: Any, capability: Capability, text: str) -> Report:
    library, family = compiled._codelibrary, _family(capability)
    code = bytes(library.get_cubin(cc=family).code)
    log, name = library.get_linkerinfo(family), compiled.entry_name
    frame = _numbers(log, r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", name)
    (registers,) = _numbers(log, r"Used (\d+) registers", name)
    return Report(
        kernel=compiled.py_func.__name__,
        capability=capability,
        registers=registers,
        stack=frame[0],
        spills=frame[1] + frame[2],
        shared=cubin.section_size(code, f".nv.shared.{name}"),
        float64=tuple(_FLOAT64.findall(text)),
        divisions=divisions_in_loops(text),
        cooperative=library.use_cooperative,
        matrices=tuple(_MATRICES.findall(text)),
    )


def divisions_in_loops(ptx: str) -> tuple[str, ...]:
    """The 64-bit integer divisions between a label and a later branch back to it. One before a loop, for its number of
    turns, costs nothing that counts, but counts where the compiler lays it out behind the loop. What belongs to a loop
    and stands behind it branches back into it, so that nothing is missed."""
    labels = {match[1]: match.start() for match in _LABEL.finditer(ptx)}
    branches = ((labels.get(match[1], len(ptx)), match.start()) for match in _BRANCH.finditer(ptx))
    loops = [(begin, end) for begin, end in branches if begin < end]
    return tuple(
        match[1] for match in _DIVISION.finditer(ptx) if any(begin < match.start() < end for begin, end in loops)
    )


def _numbers(log: str, pattern: str, name: str) -> tuple[int, ...]:
    """The numbers of a line of the linker's log about the kernel ``name``; a log that cannot be read is no pass."""
    about = log.partition(f"'{name}'")[2]
    match = re.search(pattern, about)
    if match is None:
        raise RuntimeError(f"kernel {name}: the linker's log has no {pattern!r}: {log!r}")
    return tuple(int(number) for number in match.groups())


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Callable) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def _device(tools: SimpleNamespace, capability: Capability) -> Iterator[None]:
    """A stand-in answers for the current device wherever the compiler asks it for its compute capability."""
    device = SimpleNamespace(compute_capability=capability, id=0)
    context = SimpleNamespace(device=device)
    with (
        _replaced(tools.dispatcher, "get_current_device", lambda: device),
        _replaced(tools.compiler, "get_current_device", lambda: device),
        _replaced(tools.codegen.devices, "get_context", lambda *_: context),
    ):
        yield


@contextlib.contextmanager
def _verbose_linker(tools: SimpleNamespace) -> Iterator[None]:
    """The linker's log then says what each kernel uses."""

    def verbose(linker: Any, ptx: bool) -> Any:
        return tools.driver.LinkerOptions(
            max_register_count=linker.max_registers,
            lineinfo=linker.lineinfo,
            arch=linker.arch,
            link_time_optimization=True if linker._has_ltoir else None,
            ptx=True if linker._has_ltoir and ptx else None,
            ptxas_options=["-v"],
        )

    with _replaced(tools.driver._Linker, "_get_linker_options", verbose):
        yield
