"""A log to measure with: canonical JSON Lines, about 110 words a request, no campaign in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 14
SENTENCES = 20_000
SENTENCE_WORDS = 11
PROMPT_SENTENCES = 10
CHUNK = 10_000
MODELS = ("small-1", "large-1", "large-2")


def write_log(path: Path, rows: int, seed: int) -> None:
    """Write `rows` requests in order of time; the same arguments give the same bytes.

    Args:
        path: the file.
        rows: requests; about one account for 50 of them, with heavy-tailed volumes.
        seed: of every random choice.
    """
    rng = np.random.default_rng(seed)
    sentences = _sentences(rng)
    accounts = max(10, rows // 50)
    weights = rng.pareto(1.2, accounts) + 0.1
    weights /= weights.sum()
    step = timedelta(days=DAYS) / rows
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for begin in range(0, rows, CHUNK):
            size = min(CHUNK, rows - begin)
            who = rng.choice(accounts, size, p=weights).tolist()
            what = rng.integers(0, SENTENCES, (size, PROMPT_SENTENCES)).tolist()
            model = rng.integers(0, len(MODELS), size).tolist()
            tokens = rng.integers(20, 900, size).tolist()
            for i in range(size):
                row = {
                    "request_id": f"req-{begin + i:09d}",
                    "timestamp": START + step * (begin + i),
                    "account_id": f"acct-{who[i]:06d}",
                    "model": MODELS[model[i]],
                    "prompt": " ".join([sentences[k] for k in what[i]]),
                    "conversation_id": f"conv-{begin + i:09d}",
                    "client_address": f"10.{who[i] >> 16 & 255}.{who[i] >> 8 & 255}.{who[i] & 255}",
                    "user_agent": "python-requests/2.32",
                    "input_tokens": 150,
                    "output_tokens": tokens[i],
                    "temperature": 1.0,
                    "status": 200,
                }
                file.write(encoder.encode(row) + b"\n")


def _sentences(rng: np.random.Generator) -> list[str]:
    """Sentences of invented words, common words more often than rare ones (Zipf's law)."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(rng.choice(letters, length)) for length in rng.integers(2, 9, 8_000).tolist()]
    frequency = 1 / np.arange(1, len(words) + 1)
    picks = rng.choice(
        len(words), (SENTENCES, SENTENCE_WORDS), p=frequency / frequency.sum()
    ).tolist()
    return [" ".join([words[k] for k in row]).capitalize() + "." for row in picks]
