"""Which half of the evidence does a request belong to: mining or testing?

A group that was found on some data looks guilty on the same data whether it is or not, so time is
cut into short blocks and each block belongs to one half. Short blocks put both halves into the life
of a stream that lasts only days.

An innocent customer cannot trigger this; it protects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

BLOCK_SECONDS = 6 * 3600
SLOT_SECONDS = 3600

_MULTIPLIER = 2_654_435_761  # Knuth's multiplicative hash: the golden ratio in 32 bits
_MODULUS = 2**32


def with_half(requests: ir.Table, seed: int) -> ir.Table:
    """Add `slot` (hour since the epoch, int64) and `mining` (bool) to a table with `timestamp`.

    The half is a multiplicative hash of the block number and the seed, in integer arithmetic that
    every engine does alike.
    """
    seconds = requests.timestamp.epoch_seconds().cast("int64")
    block = seconds // BLOCK_SECONDS + (seed % 65_536) * 40_503
    half = (block * _MULTIPLIER) % _MODULUS
    return requests.mutate(slot=seconds // SLOT_SECONDS, mining=half < _MODULUS // 2)
