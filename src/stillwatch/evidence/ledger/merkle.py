"""Merkle trees of RFC 9162: hashes, roots, inclusion and consistency, over a reader of nodes.

A *node* (level, index) is the hash of the perfect subtree over leaves index * 2**level and on.
Trees of other sizes are made of perfect subtrees, so a reader of nodes is all that proofs need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
"""Gives the hash of a perfect subtree by level and index."""

EMPTY = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf (section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of nodes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def root(size: int, node: Node) -> bytes:
    """Root of the tree over the first `size` leaves."""
    return EMPTY if size == 0 else _subtree(0, size, node)


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Proof that leaf `index` is in the tree over `size` leaves (section 2.1.3.1)."""
    return _path(index, 0, size, node)


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """Proof that the tree over `old` leaves is a prefix of that over `size` (section 2.1.4.1)."""
    if old in {0, size}:
        return []
    return _prefix(old, 0, size, node, complete=True)


def root_by_inclusion(entry_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (section 2.1.3.2).

    Raises:
        ValueError: the proof has a wrong length for the place.
    """
    if not 0 <= index < size:
        raise ValueError("the entry's place is outside of the tree")
    fn, sn, found = index, size - 1, entry_hash
    for step in proof:
        if sn == 0:
            raise ValueError("the proof is too long")
        if fn & 1 or fn == sn:
            found = node_hash(step, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, step)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("the proof is too short")
    return found


def roots_by_consistency(
    old: int, size: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The roots of both trees that a consistency proof leads to (section 2.1.4.2).

    Raises:
        ValueError: the proof has a wrong length for the sizes.
    """
    if not 0 < old < size:
        raise ValueError("the sizes do not grow")
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise ValueError("the proof is too short")
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if sn == 0:
            raise ValueError("the proof is too long")
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("the proof is too short")
    return first, second


def _split(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(start: int, size: int, node: Node) -> bytes:
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    left = _split(size)
    return node_hash(_subtree(start, left, node), _subtree(start + left, size - left, node))


def _path(index: int, start: int, size: int, node: Node) -> list[bytes]:
    if size == 1:
        return []
    left = _split(size)
    if index < left:
        return [*_path(index, start, left, node), _subtree(start + left, size - left, node)]
    return [
        *_path(index - left, start + left, size - left, node),
        _subtree(start, left, node),
    ]


def _prefix(old: int, start: int, size: int, node: Node, *, complete: bool) -> list[bytes]:
    if old == size:
        return [] if complete else [_subtree(start, size, node)]
    left = _split(size)
    if old <= left:
        return [
            *_prefix(old, start, left, node, complete=complete),
            _subtree(start + left, size - left, node),
        ]
    return [
        *_prefix(old - left, start + left, size - left, node, complete=False),
        _subtree(start, left, node),
    ]
