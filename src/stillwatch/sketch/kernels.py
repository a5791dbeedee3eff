"""What is kept of the words of a text, compiled by Numba: one pass over a column of prompts.

Nothing here is kept as it is but hashes under the deployment's key, made with SipHash. `_shuffle`
decides which shingles and words are looked at; its values are never kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillwatch.schema import N_BANDS, N_TOKENS
from stillwatch.sketch.jit import kernel
from stillwatch.sketch.siphash import sip_word
from stillwatch.sketch.structure import skeleton
from stillwatch.sketch.words import HAS_DIGIT, IS_IDEOGRAPH, fold, room_for_words, words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

U = np.uint64
SHINGLE = 3
MIN_SHINGLED_WORDS = 6
ROWS_PER_BAND = 2
LONGEST_PHRASE = 6
"""Words in the longest phrase of the lexicon."""

_MULTIPLIER_1, _MULTIPLIER_2 = U(0xBF58476D1CE4E5B9), U(0x94D049BB133111EB)
_LOW = U(0xFFFFFFFF)
_HIGH = U(32)
_EMPTY_BIN = U(0xFFFFFFFFFFFFFFFF)
_DISTANCE = U(40)  # bits that the distance of a borrowed value is shifted by
_SHORT_WORD, _LONG_WORD, _SHORT_NUMBER = 4, 7, 2


class Templates(NamedTuple):
    """What a template leaves in each of n texts, and a sample of what it was filled with.

    Attributes:
        grams: uint64[n, 4]: first 4 and 8 words, last 4 and 8 words; 0 where the text has not at
            least two more words than that, for then it would be the text itself.
        skeletons: uint64[n]; 0 where there is too little structure.
        bands: uint64[n, N_BANDS]; 0 where the text is too short.
        tokens: int32[n, N_TOKENS], ascending priority, 0 is padding.
        words: int32[n], word counts (of both ends only, for texts over `SCAN_BYTES`).
    """

    grams: NDArray[np.uint64]
    skeletons: NDArray[np.uint64]
    bands: NDArray[np.uint64]
    tokens: NDArray[np.int32]
    words: NDArray[np.int32]

    @classmethod
    def empty(cls, n: int) -> Templates:
        """For `n` texts that have not been read."""
        return cls(
            np.zeros((n, 4), np.uint64),
            np.zeros(n, np.uint64),
            np.zeros((n, N_BANDS), np.uint64),
            np.zeros((n, N_TOKENS), np.int32),
            np.zeros(n, np.int32),
        )


class Phrases(NamedTuple):
    """The lexicon's open-addressing tables; their sizes are powers of two, 0 is an empty slot.

    Attributes:
        starts: hashes of the first words, to pass over most words at one look.
        phrases: hashes of the phrases.
        weights: float32[slots, classes], beside `phrases`.
    """

    starts: NDArray[np.uint64]
    phrases: NDArray[np.uint64]
    weights: NDArray[np.float32]


@kernel
def _shuffle(word, k0, k1):  # type: ignore[no-untyped-def]
    """A random number for a word, the same every time: a keyed mixer, quicker than a PRF.

    The constants are those of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    h = (word ^ k0) * _MULTIPLIER_1
    h = (h ^ (h >> _HIGH) ^ k1) * _MULTIPLIER_2
    return h ^ (h >> _HIGH)


@kernel
def _grams(words, count, k0, k1, out):  # type: ignore[no-untyped-def]
    for g in range(4):
        length = 4 if g % 2 == 0 else 8
        if count >= length + 2:
            begin = 0 if g < 2 else count - length
            h = U(g)
            for i in range(begin, begin + length):
                h = fold(h, words.masked[i])
            out[g] = sip_word(h, k0, k1)


@kernel
def _bands(words, count, k0, k1, bins, out):  # type: ignore[no-untyped-def]
    """One-permutation MinHash of the word shingles, densified by rotation, folded into bands.

    Li, Owen and Zhang (2012); Shrivastava and Li (2014). Two texts agree in one band with about
    the square of their shingles' Jaccard similarity.
    """
    n = bins.size
    bins[:] = _EMPTY_BIN
    for i in range(count - SHINGLE + 1):
        h = U(0)
        for j in range(i, i + SHINGLE):
            h = fold(h, words.masked[j])
        h = _shuffle(h, k0, k1)
        b = np.int64(((h >> _HIGH) * U(n)) >> _HIGH)
        bins[b] = min(bins[b], h & _LOW)
    for empty in range(n):
        if bins[empty] == _EMPTY_BIN:
            for step in range(1, n):
                value = bins[(empty + step) % n]
                if value <= _LOW:  # of its own, not borrowed
                    bins[empty] = value | (U(step) << _DISTANCE)
                    break
    rows = n // out.size
    for band in range(out.size):
        h = U(band)
        for row in range(band * rows, (band + 1) * rows):
            h = fold(h, bins[row])
        out[band] = sip_word(h, k0, k1)


@kernel
def _content(words, count, i):  # type: ignore[no-untyped-def]
    """Hash of the content word at `i` (two ideographs make one), or 0 where it is a filler.

    Short words are what any text is made of; what an item is about is in the longer ones.
    """
    flags, length = words.flags[i], words.lengths[i]
    if flags & IS_IDEOGRAPH:
        pair = i + 1 < count and words.flags[i + 1] & IS_IDEOGRAPH
        return fold(fold(U(0), words.exact[i]), words.exact[i + 1]) if pair else U(0)
    shortest = _SHORT_NUMBER if flags & HAS_DIGIT else _SHORT_WORD
    return words.exact[i] if length >= shortest else U(0)


@kernel
def _insert(priority, token, kept, order, out):  # type: ignore[no-untyped-def]
    """Put a token in its place among the `kept` lowest; return how many there are then."""
    for j in range(kept):
        if out[j] == token:
            return kept
    j = min(kept, out.size - 1)
    while j > 0 and order[j - 1] > priority:
        order[j], out[j] = order[j - 1], out[j - 1]
        j -= 1
    order[j], out[j] = priority, token
    return min(kept + 1, out.size)


@kernel
def _sample_tokens(words, count, k0, k1, order, out):  # type: ignore[no-untyped-def]
    """Keep the content words with the lowest priority (bottom-k sampling) as keyed tokens.

    The same word has the same priority in every text, so the overlap of two samples estimates the
    overlap of the texts. Long words and numbers are four times as likely to be kept.
    """
    kept = 0
    for i in range(count):
        word = _content(words, count, i)
        if word == U(0):
            continue
        priority = _shuffle(word, k0, k1)
        if words.flags[i] & HAS_DIGIT or words.lengths[i] >= _LONG_WORD:
            priority >>= U(2)
        if kept < out.size or priority < order[kept - 1]:
            token = np.int32(np.int64((sip_word(word, k0, k1) & U(0x7FFFFFFF)) | U(1)))
            kept = _insert(priority, token, kept, order, out)


@kernel
def _find(table, word):  # type: ignore[no-untyped-def]
    """Slot of `word` in an open-addressing table, or -1."""
    mask = U(table.size - 1)
    slot = word & mask
    while table[slot] != U(0):
        if table[slot] == word:
            return np.int64(slot)
        slot = (slot + U(1)) & mask
    return np.int64(-1)


@kernel
def _score(words, count, lexicon, out):  # type: ignore[no-untyped-def]
    """Add the weights of every phrase in the text to the classes that it speaks for."""
    for i in range(count):
        if _find(lexicon.starts, words.masked[i]) < 0:
            continue
        h = U(0)
        for j in range(i, min(i + LONGEST_PHRASE, count)):
            h = fold(h, words.masked[j])
            slot = _find(lexicon.phrases, h)
            if slot >= 0:
                for c in range(out.size):
                    out[c] += lexicon.weights[slot, c]


@kernel
def read_prompts(data, offsets, characters, key, lexicon, out, scores):  # type: ignore[no-untyped-def]
    """Read each text once, for its template and for its lexicon phrases.

    Args:
        data: bytes of n texts, one after another.
        offsets: int64[n + 1], where each begins and the last one ends.
        characters: the table of `characters`.
        key: two uint64 words.
        lexicon: `Phrases`.
        out: `Templates`, filled.
        scores: float32[n, classes], added to.
    """
    k0, k1 = key[0], key[1]
    words = room_for_words(offsets)
    bins = np.empty(out.bands.shape[1] * ROWS_PER_BAND, np.uint64)
    order = np.empty(out.tokens.shape[1], np.uint64)
    for i in range(offsets.size - 1):
        start, end = offsets[i], offsets[i + 1]
        count = words_of(data, start, end, characters, words)
        out.words[i] = count
        _grams(words, count, k0, k1, out.grams[i])
        structure = skeleton(data, start, end)
        if structure != U(0):
            out.skeletons[i] = sip_word(structure, k0, k1)
        if count >= MIN_SHINGLED_WORDS:
            _bands(words, count, k0, k1, bins, out.bands[i])
        _sample_tokens(words, count, k0, k1, order, out.tokens[i])
        _score(words, count, lexicon, scores[i])


@kernel
def phrase_scores(data, offsets, characters, lexicon, scores):  # type: ignore[no-untyped-def]
    """Sum the lexicon weights found in each text into `scores`; arguments as `read_prompts`."""
    words = room_for_words(offsets)
    for i in range(offsets.size - 1):
        count = words_of(data, offsets[i], offsets[i + 1], characters, words)
        _score(words, count, lexicon, scores[i])


@kernel
def phrase_hashes(data, offsets, characters, counts, firsts, hashes):  # type: ignore[no-untyped-def]
    """Word count, first word's hash and phrase's hash of each phrase, as `_score` makes them."""
    words = room_for_words(offsets)
    for i in range(offsets.size - 1):
        count = words_of(data, offsets[i], offsets[i + 1], characters, words)
        h = U(0)
        for j in range(count):
            h = fold(h, words.masked[j])
        counts[i], firsts[i], hashes[i] = count, words.masked[0], h
