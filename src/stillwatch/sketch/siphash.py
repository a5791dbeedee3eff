"""SipHash, compiled by Numba, over the bytes of Arrow string columns.

SipHash-2-4 is the keyed pseudo-random function of Aumasson and Bernstein (2012). It is short,
fast on short inputs and keyed by design, which is what pseudonyms need.
"""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel

U = np.uint64
_V0, _V1 = U(0x736F6D6570736575), U(0x646F72616E646F6D)
_V2, _V3 = U(0x6C7967656E657261), U(0x7465646279746573)
_B13, _B16, _B17, _B21, _B32 = U(13), U(16), U(17), U(21), U(32)
_FINAL = U(0xFF)
_EIGHT = U(8)


@kernel
def _rotate(x, bits):  # type: ignore[no-untyped-def]
    return (x << bits) | (x >> (U(64) - bits))


@kernel
def _round(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    v0 += v1
    v1 = _rotate(v1, _B13) ^ v0
    v0 = _rotate(v0, _B32)
    v2 += v3
    v3 = _rotate(v3, _B16) ^ v2
    v0 += v3
    v3 = _rotate(v3, _B21) ^ v0
    v2 += v1
    v1 = _rotate(v1, _B17) ^ v2
    v2 = _rotate(v2, _B32)
    return v0, v1, v2, v3


@kernel
def sip_bytes(data, start, end, k0, k1):  # type: ignore[no-untyped-def]
    """SipHash-2-4 of `data[start:end]` (uint8) under the key (k0, k1), as uint64."""
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    length = end - start
    whole = start + (length // 8) * 8
    position = start
    while position < whole:
        m = U(0)
        for i in range(8):
            m |= U(data[position + i]) << (U(i) * _EIGHT)
        v3 ^= m
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= m
        position += 8
    m = U(length & 0xFF) << U(56)
    for i in range(end - whole):
        m |= U(data[whole + i]) << (U(i) * _EIGHT)
    v3 ^= m
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= m
    v2 ^= _FINAL
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def sip_word(word, k0, k1):  # type: ignore[no-untyped-def]
    """SipHash-1-3 of one 64-bit word: the reduced-round variant, for the many words of a text."""
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    m = U(8) << U(56)
    v3 ^= m
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= m
    v2 ^= _FINAL
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def sip_column(data, offsets, key, out):  # type: ignore[no-untyped-def]
    """Hash each value `data[offsets[i]:offsets[i+1]]` into `out[i]` (uint64)."""
    for i in range(out.size):
        out[i] = sip_bytes(data, offsets[i], offsets[i + 1], key[0], key[1])


@kernel
def sip_join(parts, key, out):  # type: ignore[no-untyped-def]
    """Hash the rows of `parts` (uint64[n, m]) into `out` (uint64[n]), order mattering."""
    for i in range(parts.shape[0]):
        h = U(0)
        for j in range(parts.shape[1]):
            h = sip_word(h ^ parts[i, j], key[0], key[1])
        out[i] = h
