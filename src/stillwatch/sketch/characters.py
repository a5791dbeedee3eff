"""What each Unicode character is to the reader of words, as one table for the kernels.

Spellings that look alike are one: upper and lower case, composed and decomposed accents, no accents
at all, full-width and mathematical letters, the decimal digits of every script. A client cannot
leave a prompt family by writing the same words in other letters of the same look. Characters that
are not seen at all (soft hyphen, zero-width space) do not divide a word.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE_SIZE = 0x20000
"""Code points in the table: the two planes that hold living scripts. Beyond lie ideographs."""

GAP, LETTER, DIGIT, IDEOGRAPH, UNSEEN = range(5)
"""Kinds of character: between words, of a word, a decimal digit, a word of its own, ignored."""

KIND_SHIFT = 24
CODE_MASK = (1 << KIND_SHIFT) - 1

_HAN = range(0x4E00, 0xA000)
_HANGUL = range(0xAC00, 0xD7A4)
_IDEOGRAPHS = (range(0x3041, 0x3100), range(0x31F0, 0x3200), range(0x3400, 0x4DC0), _HAN)
_DIGITS = range(0x30, 0x3A)
_ACCENTS = frozenset([*range(0x0300, 0x0370), 0x3099, 0x309A])
_SELECTORS = range(0xFE00, 0xFE10)


@cache
def characters() -> NDArray[np.uint32]:
    """The table, uint32[TABLE_SIZE]: the kind above `KIND_SHIFT`, below it the folded character.

    Made from the Unicode data of the running Python (UAX 44 categories, UAX 15 compatibility
    decomposition), so characters that Unicode added lately may differ from Python to Python.
    """
    table = np.zeros(TABLE_SIZE, dtype=np.uint32)
    for code in (*range(_HAN.start), *range(_HAN.stop, _HANGUL.start), *range(0xF900, TABLE_SIZE)):
        table[code] = _entry(chr(code))
    for block, kind in ((_HAN, IDEOGRAPH), (_HANGUL, LETTER)):
        table[block.start : block.stop] = np.arange(block.start, block.stop) | kind << KIND_SHIFT
    table.flags.writeable = False
    return table


def _entry(character: str) -> int:
    code = ord(character)
    category = unicodedata.category(character)
    if code in _ACCENTS or code in _SELECTORS or category == "Cf":
        return UNSEEN << KIND_SHIFT
    if category[0] not in "LMN":
        return GAP
    folded = ord(_fold(character))
    if folded in _DIGITS:
        return DIGIT << KIND_SHIFT | folded
    kind = IDEOGRAPH if any(folded in block for block in _IDEOGRAPHS) else LETTER
    return kind << KIND_SHIFT | folded


def _fold(character: str) -> str:
    """Its plain lower-case form, where that is one character; else the character itself."""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    decomposed = unicodedata.normalize("NFKD", character.lower())
    plain = [part for part in decomposed if ord(part) not in _ACCENTS]
    return plain[0].lower() if len(plain) == 1 else character
