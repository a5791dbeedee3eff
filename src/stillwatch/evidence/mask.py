"""Keyed hashes replaced by ranks, so that a bundle cannot be joined to anything else.

A trial compares keys and orders them, and does nothing else with them. Numbers in their order
serve as
well, compress better, and lead nowhere: not to another bundle, and not back to an account, even for
the provider, once it has erased its commitment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SMALLEST = 2**52
"""Integers from here on are keyed hashes; counts, codes, hours and masked words are smaller. (Of
64-bit hashes one in 2,048 is smaller too, and stays.)"""


@dataclass(frozen=True)
class Mask:
    """An order-preserving map of large integers.

    Attributes:
        keys: those that are known, sorted.
    """

    keys: NDArray[np.int64]

    @classmethod
    def none(cls) -> Mask:
        """Leaves everything as it is."""
        return cls(np.zeros(0, dtype=np.int64))

    @classmethod
    def of(cls, arrays: Iterable[NDArray[Any]]) -> Mask:
        """A mask for all the keys in some arrays."""
        large = [a[_is_key(a)] for a in (np.ravel(a) for a in arrays) if a.dtype.kind == "i"]
        return cls(np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *large])))

    def all(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values with keys replaced: positive ones counted up, negative ones down."""
        if not len(self.keys) or values.dtype != np.int64:
            return values
        key = _is_key(values)
        ranks = np.searchsorted(self.keys, values[key]) - int(np.searchsorted(self.keys, 0))
        masked = values.copy()
        masked[key] = np.where(ranks >= 0, SMALLEST + ranks, ranks + 1 - SMALLEST)
        return masked

    def one(self, value: int) -> int:
        """A single value."""
        return int(self.all(np.array([value]))[0])


def _is_key(values: NDArray[Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (values >= SMALLEST) | (values <= -SMALLEST)
    return found
