"""Arrow string columns in and keyed 64-bit columns out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.sketch.siphash import sip_column, sip_join

Key = NDArray[np.uint64]


def text_buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of a string column and its n + 1 offsets into them; nulls are empty texts."""
    column = pc.fill_null(column, "") if column.null_count else column
    _, offsets, data = column.buffers()
    wide = pa.types.is_large_string(column.type)
    positions = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)
    positions = positions[column.offset : column.offset + len(column) + 1].astype(np.int64)
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, np.uint8)
    return raw, positions


def as_keys(values: NDArray[np.uint64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Unsigned hashes as a signed Arrow column (Spark has no unsigned type), null where missing."""
    return pa.array(values.view(np.int64), mask=missing)


def is_missing(column: pa.Array) -> NDArray[np.bool_]:
    """True where a value is null or empty: an empty identifier identifies nobody."""
    empty = pc.fill_null(pc.equal(pc.binary_length(column), 0), True)
    return np.asarray(empty.to_numpy(zero_copy_only=False), dtype=bool)


def hash_text(column: pa.Array, key: Key) -> NDArray[np.uint64]:
    """SipHash-2-4 of each value; a null hashes like an empty text."""
    data, offsets = text_buffers(column)
    out = np.empty(len(column), dtype=np.uint64)
    sip_column(data, offsets, key, out)
    return out


def hash_identifier(column: pa.Array, key: Key) -> pa.Array:
    """Keyed int64 column of an identifier; null where the identifier is null or empty."""
    return as_keys(hash_text(column, key), is_missing(column))


def join_hashes(key: Key, *parts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One hash a row out of several, in order."""
    stacked = np.ascontiguousarray(np.stack(parts, axis=1))
    out = np.empty(len(stacked), dtype=np.uint64)
    sip_join(stacked, key, out)
    return out
