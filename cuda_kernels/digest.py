"""A digest of source, by which a kernel is known to numba's cache on disk (``refseq.targets.digest`` says why)."""

import hashlib
import inspect
from types import ModuleType


def digest(*parts: ModuleType | str) -> str:
    """Of modules' source, and of texts."""
    texts = [part if isinstance(part, str) else inspect.getsource(part) for part in parts]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
