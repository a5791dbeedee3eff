"""The phrase lexicon, compiled into the hash tables that the kernel probes."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stillwatch.schema import CAPABILITIES
from stillwatch.sketch.characters import characters
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.kernels import LONGEST_PHRASE, Phrases, phrase_hashes, phrase_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

SCORES = ("elicitation", "grading")
SECTIONS = (*SCORES, *(f"capability.{name}" for name in CAPABILITIES[1:]))
"""Classes of phrases, in the order of a score matrix's columns."""

_WEIGHTS = {"strong": 2.0, "plain": 1.0, "weak": 0.5}


def raw_scores(texts: pa.Array) -> NDArray[np.float32]:
    """Sum of the phrase weights in each text, float32[n, len(SECTIONS)]."""
    data, offsets = text_buffers(texts)
    out = no_scores(len(texts))
    phrase_scores(data, offsets, characters(), lexicon(), out)
    return out


def no_scores(n: int) -> NDArray[np.float32]:
    """A score matrix for `n` texts that have not been read."""
    return np.zeros((n, len(SECTIONS)), dtype=np.float32)


def score(raw: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """A score in 0..1 from its raw sum: 1 - exp(-sum)."""
    return (1 - np.exp(-raw[:, SCORES.index(name)])).astype(np.float32)


def capability(raw: NDArray[np.float32]) -> NDArray[np.int8]:
    """Index into `CAPABILITIES` of the strongest class; 0 ("other") where no phrase was found."""
    sums = raw[:, len(SCORES) :]
    best = sums.argmax(axis=1) + 1
    return np.where(sums.max(axis=1) > 0, best, 0).astype(np.int8)


@cache
def lexicon() -> Phrases:
    """The lexicon that ships with the package (`lexicon.toml`)."""
    resource = resources.files("stillwatch.sketch").joinpath("lexicon.toml")
    return compile_phrases(_entries(tomllib.loads(resource.read_text("utf-8"))))


def compile_phrases(entries: Iterable[tuple[str, int, float]]) -> Phrases:
    """Build the tables.

    Args:
        entries: phrase, index into `SECTIONS`, weight. Of several weights of a phrase in one
            section the largest holds.

    Raises:
        ValueError: a phrase has no word, or more than `LONGEST_PHRASE`.
    """
    texts, sections, weights = zip(*entries, strict=True)
    data, offsets = text_buffers(pa.array(texts, pa.string()))
    counts = np.zeros(len(texts), np.int32)
    firsts, hashes = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
    phrase_hashes(data, offsets, characters(), counts, firsts, hashes)
    for text, count in zip(texts, counts.tolist(), strict=True):
        if not 0 < count <= LONGEST_PHRASE:
            raise ValueError(f"the phrase {text!r} has {count} words, not 1 to {LONGEST_PHRASE}")
    rows: dict[int, NDArray[np.float32]] = {}
    for value, section, weight in zip(hashes.tolist(), sections, weights, strict=True):
        row = rows.setdefault(value, np.zeros(len(SECTIONS), np.float32))
        row[section] = max(row[section], weight)
    phrases, slots = _table(list(rows))
    matrix = np.zeros((phrases.size, len(SECTIONS)), dtype=np.float32)
    matrix[slots] = np.stack(list(rows.values()))
    return Phrases(_table(list(dict.fromkeys(firsts.tolist())))[0], phrases, matrix)


def _entries(lexicon: dict[str, Any]) -> Iterator[tuple[str, int, float]]:
    """Phrase, section and weight of every phrase of the file."""
    found = {name: lexicon[name] for name in SCORES}
    found |= {f"capability.{name}": phrases for name, phrases in lexicon["capability"].items()}
    for name, strengths in found.items():
        for strength, phrases in strengths.items():
            for phrase in phrases:
                yield phrase, SECTIONS.index(name), _WEIGHTS[strength]


def _table(hashes: list[int]) -> tuple[NDArray[np.uint64], list[int]]:
    """An open-addressing table at most a quarter full, and the slot of each hash in it."""
    size = 1 << (4 * len(hashes)).bit_length()
    table = np.zeros(size, dtype=np.uint64)
    slots = []
    for value in hashes:
        slot = value & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = value
        slots.append(slot)
    return table, slots
