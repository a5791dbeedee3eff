"""What a stream of requests cost its operator at list price."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def _prices() -> tuple[tuple[str, float, float], ...]:
    text = resources.files("stillwatch.campaigns").joinpath("prices.toml").read_text("utf-8")
    return tuple((p["pattern"], p["input"], p["output"]) for p in tomllib.loads(text)["price"])


def list_price(model: str, input_tokens: float, output_tokens: float) -> float:
    """US dollars for so many tokens of a model."""
    for pattern, price_in, price_out in _prices():
        if pattern in model.lower():
            return float(input_tokens * price_in + output_tokens * price_out) / 1e6
    return 0.0
