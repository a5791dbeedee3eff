"""Text into words, compiled by Numba.

A word is a run of letters and digits, folded as `characters` says; a Chinese character or a kana is
a word of its own. A number with its points and commas is one word, and is masked to one zero where
templates are recognised. Scripts that leave no space between words, such as Thai, give one word a
phrase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillwatch.sketch.characters import (
    CODE_MASK,
    DIGIT,
    GAP,
    IDEOGRAPH,
    KIND_SHIFT,
    TABLE_SIZE,
    UNSEEN,
)
from stillwatch.sketch.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

U = np.uint64
SCAN_BYTES = 131_072
"""Bytes of a text that are read; of a longer one, half at its beginning and half at its end."""

HAS_DIGIT, IS_IDEOGRAPH = 1, 2
"""Kinds of word, as bit flags."""

FNV_OFFSET, FNV_PRIME = U(0xCBF29CE484222325), U(0x100000001B3)
_MULTIPLIER = U(0xBF58476D1CE4E5B9)
_ZERO, _NINE, _POINT, _COMMA = 48, 57, 46, 44
_PLANE_4 = 0x40000  # from here on there are only tags, variation selectors and private use


class Words(NamedTuple):
    """Room for the words of one text; a text of n bytes has at most n words.

    Attributes:
        masked, exact: hashes (FNV-1a over folded characters) with and without masked numbers.
        flags: kinds.
        lengths: in characters.
    """

    masked: NDArray[np.uint64]
    exact: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    lengths: NDArray[np.int32]


@kernel
def room_for_words(offsets):  # type: ignore[no-untyped-def]
    """`Words` with room for the longest of the texts that `offsets` bound."""
    size = 1
    for i in range(offsets.size - 1):
        size = max(size, min(offsets[i + 1] - offsets[i], SCAN_BYTES))
    return Words(
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
        np.empty(size, np.uint8),
        np.empty(size, np.int32),
    )


@kernel
def fold(h, word):  # type: ignore[no-untyped-def]
    """Extend the running, order-dependent hash `h` of a word sequence by one word."""
    h = (h ^ word) * _MULTIPLIER
    return h ^ (h >> U(29))


@kernel
def _decode(data, p, end):  # type: ignore[no-untyped-def]
    """The character at `p` and its bytes; what UTF-8 does not allow, or `end` cuts off, is NUL."""
    first = np.int64(data[p])
    if first < 0x80:
        return first, 1
    if first < 0xC2:
        return 0, 1
    width = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if p + width > end:
        return 0, end - p
    code = first & (0x7F >> width)
    for i in range(1, width):
        code = (code << 6) | (np.int64(data[p + i]) & 0x3F)
    return code, width


@kernel
def _look_up(characters, code):  # type: ignore[no-untyped-def]
    """Kind and folded form of a character."""
    if code >= TABLE_SIZE:
        return (IDEOGRAPH if code < _PLANE_4 else UNSEEN), code
    entry = np.int64(characters[code])
    return entry >> KIND_SHIFT, entry & CODE_MASK


@kernel
def _split(data, start, end, characters, words, first):  # type: ignore[no-untyped-def]
    """Write the words of `data[start:end]` from index `first` on; return the index after them."""
    count = first
    exact = masked = FNV_OFFSET
    length = flags = 0
    in_number = False
    p = start
    while p < end:
        code, width = _decode(data, p, end)
        kind, folded = _look_up(characters, code)
        p += width
        if kind == UNSEEN:
            continue
        if (
            kind == GAP
            and in_number
            and code in (_POINT, _COMMA)
            and p < end
            and _ZERO <= data[p] <= _NINE
        ):
            kind, folded = DIGIT, code
        if length and kind in (GAP, IDEOGRAPH):
            words.masked[count], words.exact[count] = masked, exact
            words.flags[count], words.lengths[count] = flags, length
            count += 1
            exact = masked = FNV_OFFSET
            length = flags = 0
            in_number = False
        if kind == GAP:
            continue
        exact = (exact ^ U(folded)) * FNV_PRIME
        if kind == IDEOGRAPH:
            words.masked[count], words.exact[count] = exact, exact
            words.flags[count], words.lengths[count] = IS_IDEOGRAPH, 1
            count += 1
            exact = FNV_OFFSET
            continue
        length += 1
        if kind == DIGIT:
            flags = HAS_DIGIT
            if not in_number:
                masked = (masked ^ U(_ZERO)) * FNV_PRIME
        else:
            masked = (masked ^ U(folded)) * FNV_PRIME
        in_number = kind == DIGIT
    if length:
        words.masked[count], words.exact[count] = masked, exact
        words.flags[count], words.lengths[count] = flags, length
        count += 1
    return count


@kernel
def words_of(data, start, end, characters, words):  # type: ignore[no-untyped-def]
    """Fill `words` with those of the text `data[start:end]` and return how many there are."""
    if end - start <= SCAN_BYTES:
        return _split(data, start, end, characters, words, 0)
    half = SCAN_BYTES // 2
    count = _split(data, start, start + half, characters, words, 0)
    return _split(data, end - half, end, characters, words, count)
