"""Arrow string columns in and keyed 64-bit columns out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.sketch.siphash import sip_column, sip_join

if TYPE_CHECKING:
    from collections.abc import Callable

Key = NDArray[np.uint64]


def text_buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of a string column and its n + 1 offsets into them; nulls are empty texts."""
    column = pc.fill_null(column, "") if column.null_count else column
    if not len(column):
        return np.frombuffer(b"", np.uint8), np.zeros(1, np.int64)
    _, bounds, content = column.buffers()
    wide = pa.types.is_large_string(column.type)
    offsets = np.frombuffer(bounds, dtype=np.int64 if wide else np.int32)
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(content or b"", dtype=np.uint8)
    data.flags.writeable = False  # one type for Numba, which would compile another kernel for each
    return data, offsets.astype(np.int64)


def as_keys(values: NDArray[np.uint64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Unsigned hashes as a signed Arrow column (Spark has no unsigned type), null where missing."""
    return pa.array(np.ascontiguousarray(values).view(np.int64), mask=missing)


def as_lists(matrix: NDArray[Any], missing: NDArray[np.bool_]) -> pa.Array:
    """A matrix as a column of fixed-size lists, null where missing."""
    flat = pa.array(matrix.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1], mask=pa.array(missing))


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


@dataclass(frozen=True, slots=True)
class Distinct:
    """A column in which texts repeat: work is done once for each distinct text.

    Attributes:
        values: the distinct texts.
        indices: for each row, which of them it holds; null where the row is null.
    """

    values: pa.Array
    indices: pa.Array

    @classmethod
    def of(cls, column: pa.Array) -> Distinct:
        """Find the distinct texts of a column."""
        encoded = column.dictionary_encode()
        return cls(encoded.dictionary, encoded.indices)

    def column(self, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """Apply `function` to the distinct texts and give every row its result."""
        return function(self.values).take(self.indices)

    def matrix(self, function: Callable[[pa.Array], NDArray[Any]]) -> NDArray[Any]:
        """The same for a function that gives numbers; the column may hold no null."""
        rows: NDArray[Any] = function(self.values)[self.indices.to_numpy()]
        return rows
