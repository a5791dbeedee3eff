"""TOML files into structs, with messages that name file, line and key.

The parser of the standard library keeps no positions, and the one that does is slow and changes
the values' types; a text that has parsed already is simple enough to look through.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from stillwatch.errors import InputError
from stillwatch.guard.quantities import Duration, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a file; a key that it does not have is an error."""


Whole = TypeVar("Whole", bound=Section)


def read_toml(path: Path, what: str, *, most: int = 2**30) -> str:
    """The text of a file.

    Args:
        path: the file.
        what: it is, for the message.
        most: bytes that it may have.

    Raises:
        InputError: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise InputError(f"this {what} is larger than {most >> 20} MiB", file=str(path))
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(f"this {what} cannot be read: {reason}", file=str(path)) from None


def convert(text: str, kind: type[Whole], *, file: str, pages: str) -> Whole:
    """A TOML text as a struct.

    Args:
        text: the text.
        kind: what it holds.
        file: its name, for messages.
        pages: where its keys are described, for messages.

    Raises:
        InputError: it is not TOML, a key does not exist, or a value makes no sense.
    """
    given = _parsed(text, file)
    try:
        return msgspec.convert(given, kind, dec_hook=_read)
    except msgspec.ValidationError as error:
        problem, key = _explain(str(error), pages)
        raise InputError(problem, file=file, line=_line(text, key), field=key) from None


def _line(text: str, key: str) -> int | None:
    """The line of a key such as `limits.key.rate` or `entry[2].kind`."""
    lines, part = text.splitlines(), re.match(r"(\w+)\[(\d+)\]", key)
    header = re.compile(rf"\s*\[\[\s*{part[1]}\s*\]\]" if part else "(?!)")
    starts = [i for i, line in enumerate(lines) if header.match(line)]
    path = _without_index(key).split(".")
    if part is None or int(part[2]) >= len(starts):
        return line_of(text, path)
    start, end = [*starts, len(lines)][int(part[2]) :][:2]
    return start + (line_of("\n".join(lines[start:end]), path) or 1)


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"this is not TOML: {error}", file=file) from None
    except RecursionError:
        raise InputError("this is not TOML: it is nested too deeply", file=file) from None


def _read(kind: type, value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected text in quotes")
    return Duration.parse(value) if kind is Duration else Rate.parse(value)


def values_of(section: Section) -> Any:
    """A struct as the values that its file would hold, defaults too."""
    return msgspec.to_builtins(section, enc_hook=str)


def _without_index(key: str) -> str:
    """A key without the places in lists, which stand on the list's own lines."""
    return re.sub(r"\[[^\]]*\]", "", key)


def _explain(message: str, pages: str) -> tuple[str, str]:
    """What is wrong, and with which key."""
    problem, _, place = message.partition(" - at ")
    key = place.strip("`").removeprefix("$").lstrip(".")
    if unknown := re.search(r"unknown field `([^`]+)`", problem):
        key = f"{key}.{unknown[1]}".lstrip(".")
        problem = f"there is no such key; {pages} lists them"
    return problem, key


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
