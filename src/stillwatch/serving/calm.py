"""A process that answers in a steady time, whatever else it does and however much it remembers.

What the guard remembers lives long and holds no cycles, but Python's collector walks through all of
it whenever it has grown by a quarter, for up to a second while everybody waits. And a thread that
works (loads a snapshot, sketches text) gives the interpreter back to the one that answers only
every 5 ms.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = (2_000, 10, 100)
"""The collector looks at new objects when there are 2,000 more than before, at those that outlived
this after ten such looks, and at everything after a hundred of those: not before there are two
million more objects. With its memory full the guard is never looked through, nor need it be:
requests leave no cyclic garbage (200 of them over 50 connections left not one object)."""

SWITCH = 0.0005
"""Seconds after which a working thread gives the interpreter back."""


@contextmanager
def calm() -> Iterator[None]:
    """Leave what is loaded by now out of collections, and hurry threads."""
    rounds, pace = gc.get_threshold(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*ROUNDS)
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*rounds)
        sys.setswitchinterval(pace)
