"""Columns that several baselines read, as arrays; and the table that all of them return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes.

    Attributes:
        codes: from 0, in the order of `values`; -1 for null.
        values: the distinct values, sorted.
    """

    codes: Ints
    values: pa.Array

    def __len__(self) -> int:
        """Number of distinct values."""
        return len(self.values)


def coded(column: pa.ChunkedArray | pa.Array) -> Coded:
    """Give each distinct value of a column a number."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = pc.unique(whole).drop_null()
    values = values.take(pc.sort_indices(values))
    codes = pc.index_in(whole, value_set=values).fill_null(-1)
    return Coded(codes.to_numpy(zero_copy_only=False).astype(np.int64), values)


def seconds(requests: pa.Table) -> Ints:
    """Unix seconds of the requests."""
    micros = requests.column("timestamp").cast(pa.int64()).to_numpy()
    return np.asarray(micros // 1_000_000, dtype=np.int64)


def network(addresses: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The /24 of IPv4 addresses and the /48 of IPv6 addresses, as text; null where unknown."""
    texts = pc.cast(addresses, pa.string())
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    four = pc.struct_field(pc.extract_regex(texts, r"^(?P<net>\d+\.\d+\.\d+)\.\d+$"), "net")
    six = pc.struct_field(
        pc.extract_regex(texts, r"^(?P<net>[0-9a-fA-F]+:[0-9a-fA-F]+:[0-9a-fA-F]+):"), "net"
    )
    return pc.coalesce(four, six)


def trait(accounts: pa.Table | None, ids: pa.Array, name: str) -> pa.Array:
    """A column of the account file for the given accounts; null where it says nothing."""
    if accounts is None:
        return pa.nulls(len(ids), pa.string())
    place = pc.index_in(ids, value_set=accounts.column("account_id").combine_chunks())
    return accounts.column(name).combine_chunks().take(place)


def pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """The distinct pairs of two code columns, sorted; pairs with a -1 are left out."""
    known = (first >= 0) & (second >= 0)
    width = int(second.max(initial=0)) + 1
    rows = np.unique(first[known] * width + second[known])
    return rows // width, rows % width


def charges(ids: pa.Array, score: Floats | Ints, accused: Bools) -> pa.Table:
    """What every baseline returns."""
    return pa.table(
        {
            "account_id": ids,
            "score": pa.array(np.asarray(score, dtype=np.float64)),
            "accused": pa.array(accused),
        }
    )
