"""Compilation by numba for the CPU, with the result kept on disk where that can be written."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """The function, compiled: without the interpreter's lock, and dividing as numpy does."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(**options)(function)  # neither the package's folder nor the user's cache can be written
