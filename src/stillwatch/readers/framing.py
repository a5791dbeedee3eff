"""A stream of bytes cut into JSON records: lines, or values one after another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from stillwatch.readers.sources import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stillwatch.readers.sources import Stream

BLOCK_RECORDS = 16_384
"""Records a block, and so requests a batch, unless they are very long."""

BLOCK_BYTES = 1 << 26
"""Bytes after which a block ends early."""

MAX_RECORD = 1 << 26
"""Longest record in bytes; a longer one is rejected without being held in memory."""

BOM = b"\xef\xbb\xbf"

Piece = tuple[int, bytes | None]
"""First line of a record, and its bytes; None where it is longer than `MAX_RECORD`."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some records that follow one another.

    Attributes:
        start: how many records of the source lie before the first one; blank lines count.
        lines: 1-based line on which each record begins.
        records: their bytes; None for one that is too long.
        last: whether the source ends here.
    """

    start: int
    lines: Sequence[int]
    records: Sequence[bytes | None]
    last: bool


def blocks(pieces: Iterable[Piece], start: int = 0) -> Iterator[Block]:
    """Gather records into blocks; there is always a last one, if need be an empty one.

    Args:
        pieces: the records.
        start: how many records to pass over.
    """
    lines: list[int] = []
    records: list[bytes | None] = []
    position = size = 0
    for line, record in pieces:
        position += 1
        if position <= start:
            continue
        if len(records) >= BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield Block(position - 1 - len(records), lines, records, last=False)
            lines, records, size = [], [], 0
        lines.append(line)
        records.append(record)
        size += len(record or b"")
    yield Block(max(start, position) - len(records), lines, records, last=True)


def records(stream: Stream) -> Iterator[Piece]:
    """Cut a stream into JSON records.

    Lines are records where the first lines look so; otherwise values are found by their brackets,
    which reads indented files, values without line breaks, and the elements of one large list.
    """
    return lines(stream) if by_lines(stream.head()) else values(stream)


def by_lines(head: bytes) -> bool:
    """Whether the beginning of a stream looks like one JSON value a line."""
    opening = head.removeprefix(BOM).lstrip()[:1]
    if opening not in (b"{", b"["):
        return True
    found = head.removeprefix(BOM).lstrip().split(b"\n")
    if opening == b"[":
        return _is_json(found[0]) and (len(found) > 1 and bool(found[1].strip()))
    complete = found[:-1] if len(found) > 1 else found
    if any(line[:1] == b"{" and _is_json(line) for line in complete[:50]):
        return True
    return len(found) == 1 and len(head) >= HEAD


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def lines(stream: Stream) -> Iterator[Piece]:
    """Cut a stream at line breaks; blank lines are records too, so that positions are lines."""
    number, rest, too_long = 0, b"", False
    for chunk in stream:
        if not number and not rest:
            chunk = chunk.removeprefix(BOM)  # noqa: PLW2901
        found = chunk.split(b"\n")
        found[0] = rest + found[0]
        rest = found.pop()
        for line in found:
            number += 1
            yield number, None if too_long or len(line) > MAX_RECORD else line
            too_long = False
        if len(rest) > MAX_RECORD:
            rest, too_long = b"", True
    if rest or too_long:
        yield number + 1, None if too_long else rest


_MARKS = re.compile(rb'["{}\[\]\n]')
_IN_STRING = re.compile(rb'["\\\n]')
_LINE_BREAK = 0x0A


class _Scanner:
    """Finds where JSON values begin and end. Elements of an outermost list are values."""

    def __init__(self) -> None:
        self.line = 1
        self.depth = 0
        self.in_string = False
        self.in_list = False  # inside the outermost list, whose elements are the records

    def scan(self, data: bytes, at: int) -> Iterator[tuple[str, int]]:
        """Give ``begin`` and ``end`` with offsets, at last ``stop``: where to scan on."""
        while mark := (_IN_STRING if self.in_string else _MARKS).search(data, at):
            at = mark.end()
            sign = mark[0]
            if sign == b"\\":
                if at >= len(data):
                    yield "stop", mark.start()
                    return
                at += data[at] != _LINE_BREAK
            elif sign == b"\n":
                self.line += 1
            elif sign == b'"':
                self.in_string = not self.in_string and self.depth > 0
            elif sign in (b"{", b"["):
                if self._opens(sign):
                    yield "begin", mark.start()
            elif self._closes():
                yield "end", at
        yield "stop", len(data)

    def _opens(self, sign: bytes) -> bool:
        if self.depth == 0 and sign == b"[" and not self.in_list:
            self.in_list = True
            return False
        self.depth += 1
        return self.depth == 1

    def _closes(self) -> bool:
        if self.depth == 0:
            self.in_list = False
            return False
        self.depth -= 1
        return self.depth == 0


def values(stream: Stream) -> Iterator[Piece]:
    """Cut a stream into JSON objects and lists, wherever they begin and end.

    What stands between two values and is no comma is given as a record of its own, to be
    rejected; so is a value that the end of the stream cuts off.
    """
    scanner, held, resume = _Scanner(), b"", 0
    begun, line, too_long = False, 1, False
    for chunk in stream:
        data, begin, done = held + chunk, 0, 0
        for event, offset in scanner.scan(data, resume):
            if event == "begin":
                if junk := _junk(data[done:offset]):
                    yield scanner.line, junk
                begun, begin, line = True, offset, scanner.line
            elif event == "end":
                yield line, None if too_long or offset - begin > MAX_RECORD else data[begin:offset]
                begun, too_long, done = False, False, offset
            else:
                resume = offset
        if not begun and (junk := _junk(data[done:resume])):
            yield scanner.line, junk
        too_long = too_long or (begun and resume - begin > MAX_RECORD)
        kept_from = begin if begun and not too_long else resume
        held, resume = data[kept_from:], resume - kept_from
    if begun:
        yield line, None if too_long else held


def _junk(between: bytes) -> bytes:
    return between.removeprefix(BOM).strip(b" \t\r\n,[]")[:1024]


_TOKENS = re.compile(rb'"((?:[^"\\]|\\.){0,200})"\s*(:)?|[{}\[\]]|"', re.DOTALL)
_SHAPE_DEPTH = 3


@lru_cache(maxsize=4)  # each format asks in turn
def shape(head: bytes) -> frozenset[str]:
    """The keys at the beginning of a JSON stream, as dotted paths; lists leave no trace.

    Works on text that is cut off, so that a first record longer than the head tells its format.

    Returns:
        Such as ``{"request", "request.model", "response"}``, three keys deep.
    """
    if by_lines(head):
        return frozenset(path for line in head.split(b"\n")[:50] for path in _paths(line))
    return frozenset(_paths(head))


def _paths(data: bytes) -> Iterator[str]:
    stack: list[str] = []
    key = ""
    at = 0
    while token := _TOKENS.search(data, at):
        at = token.end()
        sign = token[0][:1]
        if sign == b"{":
            stack.append(key)
            key = ""
        elif sign == b"}":
            if stack:
                stack.pop()
        elif sign == b'"' and token[2]:
            key = token[1].decode("utf-8", "replace")
            if len(stack) <= _SHAPE_DEPTH:
                yield ".".join([*filter(None, stack), key])
        elif token[0] == b'"':
            # a string longer than the pattern takes: pass over it
            closing = re.compile(rb'(?:[^"\\]|\\.)*+"', re.DOTALL).match(data, at)
            at = closing.end() if closing else len(data)
        if sign in (b"{", b"[") and len(stack) > 200:
            return
