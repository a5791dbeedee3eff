"""The skeleton of a text: its structure with the content left out, compiled by Numba.

Structure is the sequence of line beginnings: labels ("Question:", also in bold or with a full-width
colon), XML tags, JSON keys, headings, fences, bullets, numbers and plain lines. Equal neighbours
count once, so paragraphs and lists may have any length. Runs of digits in a label are one zero.
"""

from __future__ import annotations

import numpy as np

from stillwatch.sketch.jit import kernel
from stillwatch.sketch.words import FNV_OFFSET, FNV_PRIME, SCAN_BYTES, fold

U = np.uint64
MIN_LABELS = 2
"""Labels, tags, keys, headings or fences that make a structure."""

LONGEST_LABEL = 40
"""In bytes."""

_NONE, _PLAIN, _BULLET, _NUMBER = U(0), U(1), U(2), U(3)
_TAB, _LINE_BREAK, _RETURN, _SPACE = 9, 10, 13, 32
_QUOTE, _HEADING, _STAR, _DASH, _SLASH = 34, 35, 42, 45, 47
_ZERO, _NINE, _COLON, _LESS, _GREATER, _UNDERSCORE, _FENCE = 48, 57, 58, 60, 62, 95, 96


@kernel
def _names(b):  # type: ignore[no-untyped-def]
    """Whether the byte may be in the name of a tag or a key."""
    letter = 65 <= b <= 90 or 97 <= b <= 122 or b >= 0x80
    return letter or _ZERO <= b <= _NINE or b == _UNDERSCORE


@kernel
def _wide_colon(data, p, end):  # type: ignore[no-untyped-def]
    return p + 2 < end and data[p] == 0xEF and data[p + 1] == 0xBC and data[p + 2] == 0x9A


@kernel
def _enclosed(data, p, end):  # type: ignore[no-untyped-def]
    """Hash of the tag or quoted key whose opening sign stands at `p`; `_NONE` if it is neither."""
    opening = data[p]
    closing = _GREATER if opening == _LESS else _QUOTE
    limit = min(end, p + 1 + LONGEST_LABEL)
    h = FNV_OFFSET ^ U(opening)
    q = p + 1
    while q < limit and (_names(data[q]) or data[q] == _SLASH):
        h = (h ^ U(data[q])) * FNV_PRIME
        q += 1
    return h if p + 1 < q < end and data[q] == closing else _NONE


@kernel
def _label(data, p, end):  # type: ignore[no-untyped-def]
    """Hash of the words before a colon, if the line begins so; else `_NONE`."""
    limit = min(end, p + LONGEST_LABEL)
    h = FNV_OFFSET
    in_number = False
    q = p
    while q < limit:
        b = data[q]
        if _wide_colon(data, q, end):
            return h if q > p else _NONE
        if not (_names(b) or b in (_SPACE, _DASH)):
            break
        digit = _ZERO <= b <= _NINE
        if not (digit and in_number):
            h = (h ^ U(_ZERO if digit else b)) * FNV_PRIME
        in_number = digit
        q += 1
    while q < end and data[q] == _STAR:
        q += 1
    return h if p < q < end and data[q] == _COLON else _NONE


@kernel
def _event(data, p, end):  # type: ignore[no-untyped-def]
    """What the line from its first visible byte `p` to `end` begins with, and if that is a label.

    Returns:
        A hash, and 1 for a label, tag, key, heading or fence, 0 for anything else.
    """
    b = data[p]
    if b in (_LESS, _QUOTE):
        h = _enclosed(data, p, end)
        return (h, 1) if h != _NONE else (_PLAIN, 0)
    if b == _HEADING or (b == _FENCE and p + 2 < end and data[p + 1] == data[p + 2] == _FENCE):
        return U(b), 1
    q = p
    while q < end and data[q] == _STAR:
        q += 1
    h = _label(data, q, end)
    if h != _NONE:
        return h, 1
    if b in (_DASH, _STAR):
        return _BULLET, 0
    return (_NUMBER if _ZERO <= b <= _NINE else _PLAIN), 0


@kernel
def skeleton(data, start, end):  # type: ignore[no-untyped-def]
    """Hash (uint64) of the structure of `data[start:end]`; 0 where there is too little of it."""
    end = min(end, start + SCAN_BYTES)
    h = U(0)
    labels = 0
    last = _NONE
    p = start
    while p < end:
        line_end = p
        while line_end < end and data[line_end] != _LINE_BREAK:
            line_end += 1
        while p < line_end and data[p] in (_SPACE, _TAB, _RETURN):
            p += 1
        if p < line_end:
            event, is_label = _event(data, p, line_end)
            labels += is_label
            if event != last:
                h = fold(h, event)
                last = event
        p = line_end + 1
    return h if labels >= MIN_LABELS else U(0)
