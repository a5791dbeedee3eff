"""The grammar's patterns and words as arrays of hashed words, for the kernels of `composing`."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from stillwatch.lab.text import lexicon, phrases, wording
from stillwatch.lab.text.grammar import LANGUAGES
from stillwatch.sketch.characters import CODE_MASK, characters
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.words import room_for_words, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

SLOTS = "nmtuokqcxd"
"""Slots of a pattern, as in `text.phrases`; an element `-1 - i` is slot `i`."""

PLURAL, ORDINAL = len(SLOTS), len(SLOTS) + 1
"""Two slots more: ``{n}s`` and ``{k}th`` are one word each."""

NUMBERS = 1000
CATEGORIES = ("asks", "contexts", "openers", "closers", "follow_ups", "replies")
_GLUED = {"s": PLURAL, "th": ORDINAL}


class Terms(NamedTuple):
    """Texts as words, one text after another.

    Attributes:
        starts: int32[n + 1], where each text's words begin and the last one's end.
        masked, exact, flags, lengths: of each word, as in `sketch.words.Words`.
    """

    starts: NDArray[np.int32]
    masked: NDArray[np.uint64]
    exact: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    lengths: NDArray[np.int32]


class Syllables(NamedTuple):
    """Letters of syllables, folded: `codes[starts[i]:starts[i + 1]]`."""

    starts: NDArray[np.int32]
    codes: NDArray[np.uint32]


class Vocabulary(NamedTuple):
    """Everything that prompts are made of.

    Attributes:
        terms: of every literal piece and word list below, which name terms by number.
        elements, pattern_starts: patterns as terms and slots.
        patterns: int32[categories, languages, 2], ranges of patterns.
        nouns, plurals, nouns_zh: int32[domains, n], terms.
        numbers, ordinals: first term of 0, 1, 2, …
        verbs, units, months: ranges of terms.
        onsets, nuclei, codas, cyrillic: syllables of names; han_first, han_next: their signs.
        elicit: int32[4, 2] ranges of leads, acts, objects, ends; elicit_zh the same in Chinese.
        brief: int32[2, 2] ranges of requests for a bare answer, in English and Chinese.
        the: the term "the", also a pattern's word for "and" in `conjunction`.
        letters: of the lead of codes such as ``ABC-123``: how many letters of a name.
    """

    terms: Terms
    elements: NDArray[np.int32]
    pattern_starts: NDArray[np.int32]
    patterns: NDArray[np.int32]
    nouns: NDArray[np.int32]
    plurals: NDArray[np.int32]
    nouns_zh: NDArray[np.int32]
    numbers: int
    ordinals: int
    verbs: NDArray[np.int32]
    units: NDArray[np.int32]
    months: NDArray[np.int32]
    onsets: Syllables
    nuclei: Syllables
    codas: Syllables
    cyrillic: Syllables
    han_first: NDArray[np.uint32]
    han_next: NDArray[np.uint32]
    elicit: NDArray[np.int32]
    elicit_zh: NDArray[np.int32]
    brief: NDArray[np.int32]
    the: int
    conjunction: int


def terms_of(texts: Sequence[str]) -> Terms:
    """Read texts into words, with the sketch's own reader."""
    data, offsets = text_buffers(pa.array(texts, pa.string()))
    room = room_for_words(offsets)
    parts: list[tuple[NDArray[np.uint64], ...]] = []
    counts = [0]
    for i in range(len(texts)):
        n = words_of(data, offsets[i], offsets[i + 1], characters(), room)
        parts.append(tuple(column[:n].copy() for column in room))
        counts.append(n)
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else room
    return Terms(np.cumsum(counts).astype(np.int32), *columns)


class _Builder:
    """Collects terms and patterns."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.elements: list[int] = []
        self.pattern_starts = [0]

    def terms(self, texts: Iterable[str]) -> NDArray[np.int32]:
        first = len(self.texts)
        self.texts += texts
        return np.array([first, len(self.texts)], np.int32)

    def patterns(self, patterns: Iterable[str]) -> tuple[int, int]:
        first = len(self.pattern_starts) - 1
        for pattern in patterns:
            self._pattern(pattern)
        return first, len(self.pattern_starts) - 1

    def _pattern(self, pattern: str) -> None:
        for literal, slot, _, _ in Formatter().parse(pattern):
            rest = literal
            glued = re.match(r"[a-z]+", literal)
            if self.elements and glued and self.elements[-1] < 0:
                self.elements[-1] = -1 - _GLUED[glued.group()]
                rest = literal[glued.end() :]
            if rest.strip():
                self.elements.append(int(self.terms([rest])[0]))
            if slot:
                self.elements.append(-1 - SLOTS.index(slot))
        self.pattern_starts.append(len(self.elements))


def _syllables(parts: Iterable[str]) -> Syllables:
    table = characters()
    folded = [[int(table[ord(c)]) & CODE_MASK for c in part] for part in parts]
    starts = [0, *accumulate(map(len, folded))]
    codes = [code for part in folded for code in part]
    return Syllables(np.array(starts, np.int32), np.array(codes, np.uint32))


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of the lab's grammar, compiled once a process."""
    build = _Builder()
    tables = (phrases.ASKS, phrases.CONTEXTS, phrases.OPENERS, phrases.CLOSERS, phrases.FOLLOW_UPS)
    ranges = [[build.patterns(table[language]) for language in LANGUAGES] for table in tables]
    ranges.append([build.patterns(phrases.REPLIES)] * len(LANGUAGES))
    english = [pair[0].split() for pair in lexicon.DOMAINS.values()]
    chinese = [pair[1].split() for pair in lexicon.DOMAINS.values()]
    nouns = np.stack([np.arange(*build.terms(words)) for words in english]).astype(np.int32)
    plurals = [np.arange(*build.terms(f"{w}s" for w in words)) for words in english]
    nouns_zh = [np.arange(*build.terms(words)) for words in chinese]
    numbers = build.terms(str(n) for n in range(NUMBERS))
    ordinals = build.terms(f"{n}th" for n in range(NUMBERS))
    elicit = (wording.LEADS, wording.ACTS, wording.OBJECTS, wording.ENDS)
    elicit_zh = (wording.ZH_LEADS, wording.ZH_ACTS, wording.ZH_OBJECTS, wording.ZH_ENDS)
    fixed = {
        "verbs": build.terms(lexicon.CODE_VERBS),
        "units": build.terms(lexicon.UNITS),
        "months": build.terms(lexicon.MONTHS),
        "elicit": np.stack([build.terms(parts) for parts in elicit]),
        "elicit_zh": np.stack([build.terms(parts) for parts in elicit_zh]),
        "brief": np.stack([build.terms(wording.BRIEF), build.terms(wording.BRIEF_ZH)]),
    }
    the, conjunction = int(build.terms(["the"])[0]), int(build.terms(["and"])[0])
    return Vocabulary(
        terms=terms_of(build.texts),
        elements=np.array(build.elements, np.int32),
        pattern_starts=np.array(build.pattern_starts, np.int32),
        patterns=np.array(ranges, np.int32),
        nouns=nouns,
        plurals=np.stack(plurals).astype(np.int32),
        nouns_zh=np.stack(nouns_zh).astype(np.int32),
        numbers=int(numbers[0]),
        ordinals=int(ordinals[0]),
        onsets=_syllables(lexicon.ONSETS),
        nuclei=_syllables(lexicon.NUCLEI),
        codas=_syllables(lexicon.CODAS),
        cyrillic=_syllables(lexicon.CYRILLIC),
        han_first=np.array([ord(c) for c in lexicon.HAN_FIRST], np.uint32),
        han_next=np.array([ord(c) for c in lexicon.HAN_NEXT], np.uint32),
        the=the,
        conjunction=conjunction,
        **fixed,
    )
