"""A request as one record: what tests need of it, together, so that a sample touches little.

A sampled account's requests lie side by side. As records they are one stretch of a file; as columns
they would be one of each.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.stream import Stream
from stillwatch.schema import N_TOKENS
from stillwatch.signals.frames import FRAME_KEYS
from stillwatch.sketch.jit import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

Ints = NDArray[np.int64]

RECORD = np.dtype(
    [
        ("request", np.int64),
        ("account", np.int64),
        ("body", np.int64),
        ("slot", np.int32),
        ("mining", np.bool_),
        ("framed", np.bool_),
        ("capability", np.int8),
        ("turns", np.int32),
        ("words", np.int32),
        ("elicitation", np.float32),
        ("grading", np.float32),
        ("output_tokens", np.float64),
        ("network", np.int64),
        ("client", np.int64),
        ("frames", np.int64, (len(FRAME_KEYS),)),
        ("tokens", np.int32, (N_TOKENS,)),
    ]
)
"""The attributes of `Stream`, as narrow as the sketch has them."""

_NAMES = {
    "request": "request_key",
    "body": "body_key",
    "words": "prompt_words",
    "network": "network_key",
    "client": "client_key",
}
"""Columns of the sketch that are named otherwise."""

_APART = {"framed", "frames", "tokens"}

Records = NDArray[Any]


_TOGETHER = 1 << 16
"""Records that are made or taken apart together: as many as stay in a processor's cache."""


def packed(table: pa.Table, order: Ints, framed: NDArray[np.bool_]) -> Iterator[Records]:
    """Requests as records, some at a time.

    Args:
        table: `signals.streams.SAMPLED_COLUMNS` but `framed`.
        order: places in it, of each record.
        framed: whether each record's request is.
    """
    columns = {name: _filled(table, name) for name in RECORD.names or () if name not in _APART}
    frames = [pc.fill_null(table.column(name), -1).to_numpy() for name in FRAME_KEYS]
    known = pc.is_valid(table.column("tokens")).to_numpy()
    flat, place = pc.list_flatten(table.column("tokens")).to_numpy(), np.cumsum(known) - 1
    for begin in range(0, max(len(order), 1), _TOGETHER):
        rows = order[begin : begin + _TOGETHER]
        records = np.empty(len(rows), RECORD)
        for name, column in columns.items():
            records[name] = column[rows]
        for i, column in enumerate(frames):
            records["frames"][:, i] = column[rows]
        records["framed"] = framed[begin : begin + _TOGETHER]
        _put_tokens(flat, place, known, rows, records["tokens"])
        yield records


def _filled(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(_NAMES.get(name, name))
    if column.null_count:
        nothing = float("nan") if RECORD[name].kind == "f" else -1
        column = pc.fill_null(column.cast(pa.from_numpy_dtype(RECORD[name])), nothing)
    values: NDArray[Any] = column.to_numpy()
    return values


@kernel
def _put_tokens(flat, place, known, order, tokens):  # type: ignore[no-untyped-def]
    """Write the lists of requests, which follow each other in `flat`; 0 where there is none."""
    wide = tokens.shape[1]
    for i in range(order.size):
        if known[order[i]]:
            begin = place[order[i]] * wide
            for j in range(wide):
                tokens[i, j] = flat[begin + j]
        else:
            for j in range(wide):
                tokens[i, j] = 0


def unpacked(records: Records) -> Stream:
    """Records as a stream."""
    arrays = {
        field.name: np.empty((len(records), *RECORD[field.name].shape), _in_stream(field.name))
        for field in fields(Stream)
    }
    for begin in range(0, len(records), _TOGETHER):
        some = slice(begin, begin + _TOGETHER)
        for name, array in arrays.items():
            array[some] = records[name][some]
    return Stream(**arrays)


def _in_stream(name: str) -> np.dtype[Any]:
    """The type that an attribute has in a stream."""
    kind = RECORD[name].base
    if name == "tokens" or kind.kind == "b":
        return kind
    return np.dtype(np.float64 if kind.kind == "f" else np.int64)
