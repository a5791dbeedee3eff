"""Randomness that is the same in every process: streams named by the seed and a path of words."""

from __future__ import annotations

import random
from functools import cached_property
from hashlib import blake2b

import numpy as np


class Dice:
    """A named source of randomness.

    Two dice with the same seed and path give the same numbers on every machine and in any order of
    creation, so one group can change without moving the others.

    Args:
        seed: of the whole simulation.
        path: names that tell this source from its siblings.
    """

    def __init__(self, seed: int, *path: str | int) -> None:
        self._seed, self._path = seed, path

    def _digest(self, *more: str | int) -> bytes:
        return blake2b(repr((self._seed, *self._path, *more)).encode(), digest_size=16).digest()

    def child(self, *path: str | int) -> Dice:
        """The source of the same seed that is named below this one."""
        return Dice(self._seed, *self._path, *path)

    @cached_property
    def np(self) -> np.random.Generator:
        """For arrays."""
        return np.random.default_rng(int.from_bytes(self._digest("np"), "big"))

    @cached_property
    def py(self) -> random.Random:
        """For single draws, where it is several times faster than numpy."""
        # A simulation must be repeatable; nothing here is a secret.
        return random.Random(int.from_bytes(self._digest("py"), "big"))  # noqa: S311

    def token(self, *path: str | int, size: int = 8) -> str:
        """A hexadecimal name of `size` bytes that says nothing about what it names."""
        return self._digest("token", *path)[:size].hex()
