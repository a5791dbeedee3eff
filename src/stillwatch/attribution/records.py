"""JSON Lines into objects, with the file and the line of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")


def read_records(path: Path, kind: type[T]) -> list[T]:
    """Read each line of a file as one `kind`.

    Raises:
        InputError: a line is none, or the file is empty.
    """
    return parse_records(path.read_bytes(), kind, file=str(path))


def parse_records(data: bytes, kind: type[T], *, file: str) -> list[T]:
    """Read each line of a file's bytes as one `kind`.

    Raises:
        InputError: a line is none, or there is none.
    """
    decoder = msgspec.json.Decoder(kind)
    records = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            records.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(str(error), file=file, line=number) from None
    if not records:
        raise InputError("the file is empty", file=file)
    return records
