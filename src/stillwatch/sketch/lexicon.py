"""The phrase lexicon, compiled into the hash tables that the kernel probes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.schema import CAPABILITIES
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.kernels import LONGEST_PHRASE, fold, phrase_scores, split_words

SCORES = ("elicitation", "grading")
_SECTIONS = (*SCORES, *(f"capability.{name}" for name in CAPABILITIES[1:]))
_WEIGHTS = {"strong": 2.0, "plain": 1.0, "weak": 0.5}


@dataclass(frozen=True)
class Lexicon:
    """Open-addressing tables: hashes of first words, hashes of phrases, weights by class."""

    starts: NDArray[np.uint64]
    phrases: NDArray[np.uint64]
    weights: NDArray[np.float32]

    def raw_scores(self, texts: pa.Array) -> NDArray[np.float32]:
        """Sum of phrase weights, float32[n, sections]: the two scores, then the capabilities."""
        data, offsets = text_buffers(texts)
        out = np.zeros((len(texts), len(_SECTIONS)), dtype=np.float32)
        phrase_scores(data, offsets, self.starts, self.phrases, self.weights, out)
        return out


def score(raw: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """A score in 0..1 from its raw sum: 1 - exp(-sum)."""
    return (1 - np.exp(-raw[:, SCORES.index(name)])).astype(np.float32)


def capability(raw: NDArray[np.float32]) -> NDArray[np.int8]:
    """Index into `CAPABILITIES` of the strongest class; 0 ("other") where no phrase was found."""
    sums = raw[:, len(SCORES) :]
    best = sums.argmax(axis=1) + 1
    return np.where(sums.max(axis=1) > 0, best, 0).astype(np.int8)


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with the package (`lexicon.toml`)."""
    resource = resources.files("stillwatch.sketch").joinpath("lexicon.toml")
    sections = tomllib.loads(resource.read_text("utf-8"))
    weights: dict[int, NDArray[np.float32]] = {}
    starts: dict[int, None] = {}
    for index, name in enumerate(_SECTIONS):
        for strength, phrases in _section(sections, name).items():
            for phrase in phrases:
                words = _words(phrase)
                starts[words[0]] = None
                row = weights.setdefault(_phrase_hash(words), np.zeros(len(_SECTIONS), np.float32))
                row[index] = max(row[index], _WEIGHTS[strength])
    phrase_table, slots = _table(list(weights))
    matrix = np.zeros((phrase_table.size, len(_SECTIONS)), dtype=np.float32)
    matrix[slots] = np.stack(list(weights.values()))
    return Lexicon(_table(list(starts))[0], phrase_table, matrix)


def _section(sections: dict[str, dict[str, list[str]]], name: str) -> dict[str, list[str]]:
    found: object = sections
    for part in name.split("."):
        assert isinstance(found, dict)  # noqa: S101
        found = found[part]
    assert isinstance(found, dict)  # noqa: S101
    return found


def _words(phrase: str) -> list[int]:
    """Hashes of a phrase's words, by the same kernel that splits prompts."""
    data = np.frombuffer(phrase.encode(), dtype=np.uint8)
    room = len(data) + 1
    masked, exact = np.empty(room, np.uint64), np.empty(room, np.uint64)
    flags, lengths = np.empty(room, np.uint8), np.empty(room, np.int32)
    count = split_words(data, 0, len(data), masked, exact, flags, lengths, 0)
    if not 0 < count <= LONGEST_PHRASE:
        raise ValueError(f"the lexicon phrase {phrase!r} has {count} words, not 1 to {LONGEST_PHRASE}")
    return [int(word) for word in masked[:count]]


def _phrase_hash(words: list[int]) -> int:
    h = np.uint64(0)
    for word in words:
        h = np.uint64(fold(h, np.uint64(word)))
    return int(h)


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
