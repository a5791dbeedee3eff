"""Canonical rows as JSON Lines: the fastest way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.readers.canonical import COLUMNS, CanonicalRow, expand
from stillwatch.readers.reader import JsonReader

if TYPE_CHECKING:
    from collections.abc import Iterable

_DECODER = msgspec.json.Decoder(CanonicalRow)


def _bulk(lines: bytes) -> list[Any]:
    return [row if row.messages is None else expand(row) for row in _DECODER.decode_lines(lines)]


def _parse(record: bytes) -> Iterable[Any]:
    yield expand(_DECODER.decode(record))


def _recognise(keys: frozenset[str]) -> bool:
    return {"request_id", "account_id"} <= keys and bool({"prompt", "messages"} & keys)


READER = JsonReader(
    name="stillwatch",
    title="Stillwatch rows, JSON Lines",
    columns=COLUMNS,
    recognise=_recognise,
    parse=_parse,
    bulk=_bulk,
)
