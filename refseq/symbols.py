"""Names of compiled functions that are unique among all processes, so that cached code can be linked safely.

numba names the machine code of a function by the function's qualified name, the types of its arguments and a number
that counts the functions of the process, from 1. The first recurrence that a process compiles thus always has the same
names, whichever it is; loaded from the disk cache into a process that has compiled another one, its calls are linked to
the other's code: wrong numbers, or a crash. Counting from a random number makes the names of any two processes differ.
"""

import itertools
import os
import secrets

import numba
from numba.core.bytecode import FunctionIdentity


def count_from_a_random_number() -> None:
    """Let numba count functions from a random number on. Raises ImportError where this numba counts otherwise."""
    if not hasattr(FunctionIdentity, "_unique_ids"):
        raise ImportError(f"refseq cannot make the names of compiled functions unique in numba {numba.__version__}")
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(62))


count_from_a_random_number()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=count_from_a_random_number)
