"""The methods, and all their theorems.

A method is a module with a ``METHOD`` (``proofs.theorem.Method``) that can be imported without the tool that the method
needs. A new one is a line in ``PROVIDERS``.
"""

import importlib

from proofs.theorem import Method, Theorem

PROVIDERS = {
    "symbolic": "proofs.symbolic",
    "finite field": "proofs.finite_field",
    "intervals": "proofs.intervals",
    "smt": "proofs.smt",
    "coq": "proofs.coq_method",
}
"""Name of a method -> the module that has it, in the order of tables."""


def method(name: str) -> Method:
    """The method of this name. Raises ValueError for an unknown one."""
    if name not in PROVIDERS:
        raise ValueError(f"method: expected one of {', '.join(PROVIDERS)}; got {name!r}")
    return importlib.import_module(PROVIDERS[name]).METHOD


def theorems(name: str | None = None) -> list[Theorem]:
    """All theorems, or those of one method, whether or not it can run here. Raises ValueError for an unknown method,
    and for two theorems of one name."""
    found = [theorem for each in ([name] if name else PROVIDERS) for theorem in method(each).theorems()]
    names = [theorem.name for theorem in found]
    for theorem in found:
        if names.count(theorem.name) > 1:
            raise ValueError(f"theorem {theorem.name}: there are {names.count(theorem.name)} of this name")
    return found
