"""Every log format, in the order in which content is tried on them: the most telling first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.readers import canonical_csv, canonical_jsonl, canonical_parquet

if TYPE_CHECKING:
    from stillwatch.readers.reader import Reader

READERS: tuple[Reader, ...] = (
    canonical_parquet.READER,
    canonical_jsonl.READER,
    canonical_csv.READER,
)
