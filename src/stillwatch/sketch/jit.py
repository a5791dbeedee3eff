"""How kernels are compiled.

Compiled code is cached beside the module, or in the user's cache folder where that cannot be
written. A cached kernel does not notice that a function in another module, which it calls, has
changed: after editing one, touch the modules that use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

Kernel = Callable[..., Any]
"""Numba infers the types of a kernel when it is called; a static checker does not see them."""


def kernel(function: Kernel) -> Kernel:
    """Compile a function at its first call; it runs without the interpreter's lock."""
    try:
        compiled: Kernel = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for the cache can be written: compile in every process
        compiled = njit(nogil=True)(function)
    return compiled
