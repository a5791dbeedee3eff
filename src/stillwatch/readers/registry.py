"""Every log format, in the order in which content is tried on them: the most telling first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.readers import (
    anthropic,
    bedrock,
    canonical_csv,
    canonical_jsonl,
    canonical_parquet,
    litellm,
    openai,
    otlp_json,
    otlp_proto,
)

if TYPE_CHECKING:
    from stillwatch.readers.reader import Reader

READERS: tuple[Reader, ...] = (
    canonical_parquet.READER,
    otlp_json.READER,
    bedrock.READER,
    litellm.READER,
    canonical_jsonl.READER,
    canonical_csv.READER,
    anthropic.READER,
    openai.READER,
    otlp_proto.READER,
)
