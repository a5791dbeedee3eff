"""A request as one record: what tests need of it, together, so that a sample touches little.

A sampled account's requests lie side by side. As records they are one stretch of a file; as columns
they would be one of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.stream import Stream
from stillwatch.schema import N_TOKENS
from stillwatch.signals.frames import FRAME_KEYS
from stillwatch.sketch.jit import kernel

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

Records = NDArray[Any]


def packed(table: pa.Table, order: Ints, framed: NDArray[np.bool_]) -> Records:
    """Requests as records.

    Args:
        table: `signals.streams.SAMPLED_COLUMNS` but `framed`.
        order: places in it, of each record.
        framed: whether each record's request is.
    """
    records = np.empty(len(order), RECORD)
    for name in RECORD.names or ():
        if name not in {"framed", "frames", "tokens"}:
            column = table.column(_NAMES.get(name, name))
            if column.null_count:
                nothing = float("nan") if RECORD[name].kind == "f" else -1
                column = pc.fill_null(column.cast(pa.from_numpy_dtype(RECORD[name])), nothing)
            records[name] = column.to_numpy()[order]
    records["framed"] = framed
    for place, name in enumerate(FRAME_KEYS):
        records["frames"][:, place] = pc.fill_null(table.column(name), -1).to_numpy()[order]
    column = table.column("tokens")
    known = pc.is_valid(column).to_numpy()
    flat = pc.list_flatten(column).to_numpy()
    _put_tokens(flat, np.cumsum(known) - 1, known, order, records["tokens"])
    return records


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

    def ints(name: str) -> Ints:
        return records[name].astype(np.int64)

    return Stream(
        request=ints("request"),
        account=ints("account"),
        slot=ints("slot"),
        mining=records["mining"].copy(),
        framed=records["framed"].copy(),
        body=ints("body"),
        tokens=records["tokens"].copy(),
        frames=records["frames"].copy(),
        turns=ints("turns"),
        words=ints("words"),
        capability=ints("capability"),
        elicitation=records["elicitation"].astype(np.float64),
        grading=records["grading"].astype(np.float64),
        output_tokens=records["output_tokens"].copy(),
        network=ints("network"),
        client=ints("client"),
    )
