"""Requests and texts to test with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from stillwatch.schema import REQUESTS
from stillwatch.sketch.characters import characters
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.kernels import Templates, read_prompts
from stillwatch.sketch.lexicon import lexicon, no_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
"""As the kernels take it: two 64-bit words."""

UNICODE = st.characters(exclude_categories=["Cs"])
PIECES = st.sampled_from(
    [
        *(" ", "\n", ".", ",", "3.14", "1,000", "2026-03-01", "٣", "１２", "Question:", "</tag>"),
        *("the", "Step", "Étape", "E\u0301", "ＷＩＤＥ", "soft\u00adhyphen", "\u200b", "naïve"),
        *(
            "推理过程",
            "カタカナ",
            "ｶﾅ",
            "한국어",
            "ภาษาไทย",
            "हिन्दी",
            "العربية",
            "𝐛𝐨𝐥𝐝",
            "𠀀",
            "🙂",
            "\U000e0041",
        ),
    ]
)
TEXTS = st.one_of(
    st.text(UNICODE, max_size=60),
    st.lists(PIECES, max_size=60).map("".join),
    st.lists(PIECES, max_size=60).map(" ".join),
)


def read(texts: pa.Array | Sequence[str], key: tuple[int, int] = KEY) -> Templates:
    """The template columns of some texts."""
    column = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
    data, offsets = text_buffers(column)
    out = Templates.empty(len(column))
    words = np.array(key, dtype=np.uint64)
    read_prompts(data, offsets, characters(), words, lexicon(), out, no_scores(len(column)))
    return out


def requests(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Requests with the given values, and ordinary ones where a row says nothing."""
    usual = {"account_id": "acct-1", "model": "large-1", "prompt": "Hello there", "turns": 1}
    full = [
        {"request_id": f"req-{i}", "timestamp": 1_767_225_600_000_000 + i} | usual | row
        for i, row in enumerate(rows)
    ]
    columns = [pa.array([row.get(f.name) for row in full], f.type) for f in REQUESTS]
    return pa.RecordBatch.from_arrays(columns, schema=REQUESTS)
