"""Arrays that lie in files while a window is too large for memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


_MUCH = 0.1
"""Share of a file from which on it is read whole: touched pages come one by one, each at the price
of an interruption."""


@dataclass(frozen=True)
class Columns:
    """Arrays by name, in memory or in the files of a folder.

    Attributes:
        types: of their elements.
        held: the arrays, or the folder.
    """

    types: dict[str, np.dtype[Any]]
    held: dict[str, NDArray[Any]] | Path

    @classmethod
    def of(cls, folder: Path | None, **pieces: Iterable[NDArray[Any]]) -> Columns:
        """Keep arrays, each given as its pieces, at least one; in a folder, if one is named."""
        if folder is None:
            held = {name: np.concatenate(list(arrays)) for name, arrays in pieces.items()}
            return cls({name: array.dtype for name, array in held.items()}, held)
        folder.mkdir(exist_ok=True)
        types = {}
        for name, arrays in pieces.items():
            with (folder / name).open("wb") as file:
                for array in arrays:
                    types[name] = array.dtype
                    # unlike `tofile` this says why it could not be written
                    file.write(np.ascontiguousarray(array).view(np.uint8).data)
        return cls(types, folder)

    @classmethod
    def open(cls, folder: Path, types: dict[str, np.dtype[Any]]) -> Columns:
        """Arrays that lie in a folder already.

        Raises:
            OSError, ValueError: one is not there, or ends within an element.
        """
        for name, kind in types.items():
            if (folder / name).stat().st_size % kind.itemsize:
                raise ValueError(f"{name} is cut off")
        return cls(types, folder)

    def read(self, name: str, *, share: float = 1.0) -> NDArray[Any]:
        """One of them.

        Args:
            name: which.
            share: how much of it is needed, about: of little, only what is touched comes into
                memory, a page at a time; of more it is quicker to read all.
        """
        if isinstance(self.held, dict):
            return self.held[name]
        file = self.held / name
        if share >= _MUCH or not file.stat().st_size:  # nothing cannot be mapped
            return np.fromfile(file, self.types[name])
        return np.memmap(file, self.types[name], mode="r").view(np.ndarray)
