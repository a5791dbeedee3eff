"""Texts of the lab, and training sets made of them."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from stillwatch.lab.rng import Dice
from stillwatch.lab.text.corpus import OwnText

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@cache
def texts(number: int, seed: int = 0) -> tuple[str, ...]:
    """Texts of some forty words, each about things of its own."""
    dice = Dice(seed)
    corpus, rnd = OwnText(dice.child("text")), dice.py
    return tuple(
        " ".join(corpus.record(rnd, corpus.interest(rnd)) for _ in range(4)) for _ in range(number)
    )


def write_jsonl(path: Path, records: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
