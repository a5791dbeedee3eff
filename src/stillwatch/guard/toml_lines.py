"""On which line of a TOML text a key stands, for messages about it.

The parser of the standard library keeps no positions, and the one that does is slow and changes
the values' types; a text that has parsed already is simple enough to look through.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PART = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"(?:^|[{{,])\s*({_DOTTED})\s*=")


def line_of(text: str, key: Sequence[str]) -> int | None:
    """The 1-based line of a key, or of the nearest table around it that is written.

    Args:
        text: TOML that parses.
        key: the path to the key.
    """
    wanted, best, line = list(key), 0, None
    table: list[str] = []
    for number, content in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(content):
            table = _parts(header[1])
            paths = [table]
        else:
            paths = _paths(table, content)
        for path in paths:
            shared = _shared(path, wanted)
            if shared > best:
                best, line = shared, number
    return line


def _shared(path: list[str], wanted: list[str]) -> int:
    """How many parts two paths have in common from the beginning."""
    for count, (one, other) in enumerate(zip(path, wanted, strict=False)):
        if one != other:
            return count
    return min(len(path), len(wanted))


def _paths(table: list[str], content: str) -> list[list[str]]:
    """Full paths of the keys on a line; those in an inline table follow the key before them."""
    paths: list[list[str]] = []
    for found in _KEY.finditer(content.split("#", 1)[0]):
        parts = _parts(found[1])
        inline = bool(paths) and found[0].lstrip()[:1] in "{,"
        paths.append([*(paths[0] if inline else table), *parts])
    return paths


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, dotted)]
