"""What leaves, before it leaves: every value, and what is new since the last time."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.exchange.package import Package

NEVER = (
    "account ids, e-mail addresses, names, payment or network identifiers",
    "prompts, answers, or any other text of a customer",
    "counts to more than two digits",
)


def lines_of(package: Package) -> list[str]:
    """Every value of a package, one a line, in a fixed order."""
    return [f"{path} = {value}" for path, value in _values(msgspec.to_builtins(package), "")]


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _values(part, f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            named = f"{part['kind']}:{part['token']}" if isinstance(part, dict) else str(i)
            yield from _values(part, f"{path}[{named}]")
    else:
        yield path, "" if value is None else str(value)


def difference(before: Package | None, after: Package) -> list[str]:
    """What would leave, as a diff to what left before; all of it where nothing did.

    Lines begin with ``+`` (leaves anew), ``-`` (was shared and no longer is) or a space (as
    before).
    """
    old = lines_of(before) if before is not None else []
    return [
        line
        for line in difflib.ndiff(old, lines_of(after))
        if not line.startswith("?")  # ndiff's hints for the eye
    ]
