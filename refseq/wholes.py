"""A compiled function and all that it calls, optimised once, as a whole.

numba gives every function that another one calls a library of its own: a wrapper for C, all of LLVM's optimisation, and
machine code that nothing ever runs, for the caller has a copy of it, which is optimised again with the caller, and so
on from level to level. Half of the time that a recurrence takes to compile goes there. Here such a function is a
``Part``: nothing is done with it until the function that Python or C calls, a ``Whole``, has them all, each once; LLVM
then inlines and optimises them together.

    numba.njit(**wholes.OPTIONS)(function)
    CFunc(function, signature, {}, {"_nrt": False}, **wholes.PIPELINE)

Nothing is counted by reference, so no function may make an array, or return a part of one. This is also how the parts
of refseq are told from what others let numba compile, which goes its usual way.

How libraries are linked is numba's own affair. Only a numba of which this is known (``KNOWN``) is treated so; any other
compiles as it always does.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite.binding import Linkage
from numba.core import compiler
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack

KNOWN = {(0, 68)}


class Part(JITCodeLibrary):
    """The library of a function that only compiled functions call: as it was written, and without machine code."""

    environment: tuple[str, Any] | None = None

    def add_linking_library(self, library: Any) -> None:
        """Remember what the function calls; whoever is made of it links that."""
        self._linking_libraries.append(library)

    def _optimize_functions(self, ll_module: Any) -> None:
        """Not here: the whole does."""

    def linkable(self) -> Any:
        """The function's own module, which several others may have a copy of."""
        for function in list(self._final_module.functions):
            if not function.is_declaration and function.linkage == Linkage.external:
                function.linkage = "linkonce_odr"
        return self._final_module

    def finalize(self) -> None:
        """For a caller that is no ``Whole``: one module with all that the function calls."""
        self._raise_if_finalized()
        for library in _behind(self._linking_libraries):
            self._final_module.link_in(_module(library), preserve=True)
        self.linkable()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """0: there is no machine code."""
        return 0

    @property
    def codegen(self) -> Any:
        """Whom numba tells the function's environment, which has no place before there is machine code."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Remember it; see ``Whole``."""
        self.environment = name, environment


class Whole(JITCodeLibrary):
    """The library of a function that Python or C calls, with all of its parts."""

    parts: tuple[Part, ...] = ()

    def add_linking_library(self, library: Any) -> None:
        """Parts wait until all are known."""
        if isinstance(library, Part):
            self._linking_libraries.append(library)
        else:
            super().add_linking_library(library)

    def finalize(self) -> None:
        """Link every part once, and optimise."""
        everything = _behind(self._linking_libraries)
        self.parts = tuple(library for library in everything if isinstance(library, Part))
        self._linking_libraries = [library for library in everything if not isinstance(library, Part)]
        for part in self.parts:
            self._reload_init.update(part._reload_init)
            self._final_module.link_in(part.linkable(), preserve=True)
        super().finalize()

    def _finalize_specific(self) -> None:
        super()._finalize_specific()
        codegen: Any = self._codegen
        for part in self.parts:
            if part.environment is not None:
                codegen.set_env(*part.environment)


def _behind(libraries: Iterable[Any]) -> list[Any]:
    """These libraries and, of parts, those of all that they call: each once."""
    waiting, found = list(libraries), dict[Any, None]()
    while waiting:
        library = waiting.pop()
        if library not in found:
            found[library] = None
            waiting += library._linking_libraries if isinstance(library, Part) else []
    return list(found)


def _module(library: Any) -> Any:
    return library.linkable() if isinstance(library, Part) else library._get_module_for_linking()


class Compiler(compiler.Compiler):
    """numba's compiler of a ``Whole``; only one thread at a time compiles, which numba sees to."""

    def compile_extra(self, func: Any) -> Any:
        """Compile the function, and in the course of it the parts that are not known yet."""
        with _parts_and_wholes():
            return super().compile_extra(func)


@contextmanager
def _parts_and_wholes() -> Iterator[None]:
    """While this lasts, numba's one compilation context makes libraries of these two kinds."""
    context: Any = cpu_target.target_context
    codegen, wrap = context.codegen(), context.create_cfunc_wrapper
    if "create_library" in vars(codegen):  # a whole within another one
        yield
        return

    def create_library(name: str, **options: Any) -> Any:
        flags: Any = ConfigStack().top_or_none()
        called = flags is not None and flags.no_cpython_wrapper and not flags.no_compile  # else from Python or from C
        kind = JITCodeLibrary if flags is None or flags.nrt else Part if called else Whole
        return kind(codegen, name, **options)

    def create_cfunc_wrapper(library: Any, *given: Any) -> None:
        if not isinstance(library, Part):
            wrap(library, *given)

    codegen.create_library, context.create_cfunc_wrapper = create_library, create_cfunc_wrapper
    try:
        yield
    finally:
        del codegen.create_library, context.create_cfunc_wrapper


PIPELINE: dict[str, Any] = {"pipeline_class": Compiler} if numba.version_info.short in KNOWN else {}
OPTIONS: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True, **PIPELINE}
"""For a function that Python calls."""
