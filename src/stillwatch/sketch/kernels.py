"""One pass over the words of a text, compiled by Numba.

A word is a run of letters and digits, lower-cased; a Chinese or Japanese character is a word of its
own. Digits are masked to one zero where templates are recognised and kept where content is sampled.
Texts over `SCAN_BYTES` are read at both ends only, so a huge prompt costs no more than a long one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stillwatch.schema import N_BANDS, N_TOKENS
from stillwatch.sketch.siphash import sip_word

U = np.uint64
SCAN_BYTES = 131_072
MAX_WORDS = SCAN_BYTES
MIN_SHINGLED_WORDS = 6
SHINGLE = 3
ROWS_PER_BAND = 2
N_BINS = N_BANDS * ROWS_PER_BAND
LONGEST_PHRASE = 6
MIN_LABELS = 2

_FNV_OFFSET, _FNV_PRIME = U(0xCBF29CE484222325), U(0x100000001B3)
_MULTIPLIER = U(0xBF58476D1CE4E5B9)
_EMPTY_BIN = U(0xFFFFFFFFFFFFFFFF)

# kinds of word, as bit flags
HAS_DIGIT, IS_CJK, IS_ASCII = 1, 2, 4


@njit(cache=True, nogil=True, inline="always")
def fold(h, word):  # type: ignore[no-untyped-def]
    """Extend the running, order-dependent hash `h` of a word sequence by one word."""
    h = (h ^ word) * _MULTIPLIER
    return h ^ (h >> U(29))


@njit(cache=True, nogil=True)
def _letter_kind(data, p, end):  # type: ignore[no-untyped-def]
    """Bytes of the character at `p`, and whether it is 0 a gap, 1 a letter or digit, 2 CJK."""
    b = data[p]
    if b < 0x80:
        alnum = 48 <= b <= 57 or 65 <= b <= 90 or 97 <= b <= 122
        return 1, 1 if alnum else 0
    if b < 0xC3:
        return (2 if b >= 0xC2 else 1), 0
    if b < 0xE0:
        return 2, 1
    if b >= 0xF0:
        return 4, 0
    second = data[p + 1] if p + 1 < end else 0
    if b == 0xE2 or b == 0xEF or (b == 0xE3 and second == 0x80):
        return 3, 0
    if 0xE3 <= b <= 0xE9:
        return 3, 2
    return 3, 1


@njit(cache=True, nogil=True)
def _lower(data, p):  # type: ignore[no-untyped-def]
    """The byte at `p` in lower case: ASCII, the Latin-1 letters and basic Cyrillic."""
    b = data[p]
    if 65 <= b <= 90:
        return b + 32
    if p > 0 and data[p - 1] == 0xC3 and 0x80 <= b <= 0x9E and b != 0x97:
        return b + 0x20
    if p > 0 and data[p - 1] == 0xD0 and 0x90 <= b <= 0x9F:
        return b + 0x20
    return b


@njit(cache=True, nogil=True)
def split_words(data, start, end, masked, exact, flags, lengths, first):  # type: ignore[no-untyped-def]
    """Write the words of `data[start:end]` from index `first` on; return the index after the last.

    `masked` and `exact` (uint64) hash a word with and without masked digits, `flags` say its kind,
    `lengths` its bytes.
    """
    count = first
    p = start
    while p < end:
        width, kind = _letter_kind(data, p, end)
        if kind == 0:
            p += width
            continue
        whole = _FNV_OFFSET
        mask = _FNV_OFFSET
        if kind == 2:
            for i in range(p, min(p + width, end)):
                whole = (whole ^ U(data[i])) * _FNV_PRIME
            masked[count] = whole
            exact[count] = whole
            flags[count] = IS_CJK
            lengths[count] = width
            count += 1
            p += width
            continue
        begin = p
        flag = IS_ASCII
        in_number = False
        while p < end:
            width, kind = _letter_kind(data, p, end)
            if kind != 1:
                break
            if width > 1:
                flag &= ~IS_ASCII
            for i in range(p, min(p + width, end)):
                b = _lower(data, i)
                whole = (whole ^ U(b)) * _FNV_PRIME
                if 48 <= b <= 57:
                    flag |= HAS_DIGIT
                    if not in_number:
                        mask = (mask ^ U(48)) * _FNV_PRIME
                    in_number = True
                else:
                    mask = (mask ^ U(b)) * _FNV_PRIME
                    in_number = False
            p += width
        masked[count] = mask
        exact[count] = whole
        flags[count] = flag
        lengths[count] = p - begin
        count += 1
    return count


@njit(cache=True, nogil=True)
def _words_of(data, start, end, masked, exact, flags, lengths):  # type: ignore[no-untyped-def]
    """Words of a text of any length: all of them, or those of its two ends."""
    if end - start <= SCAN_BYTES:
        return split_words(data, start, end, masked, exact, flags, lengths, 0)
    half = SCAN_BYTES // 2
    count = split_words(data, start, start + half, masked, exact, flags, lengths, 0)
    tail = end - half
    while tail < end and (data[tail] & 0xC0) == 0x80:
        tail += 1
    return split_words(data, tail, end, masked, exact, flags, lengths, count)


@njit(cache=True, nogil=True)
def _bands(masked, count, k0, k1, bins, out):  # type: ignore[no-untyped-def]
    """One-permutation MinHash of the word shingles, densified by rotation, folded into bands.

    Li, Owen and Zhang (2012); Shrivastava and Li (2014). Two texts agree in one band with the
    square of their shingles' Jaccard similarity.
    """
    for b in range(N_BINS):
        bins[b] = _EMPTY_BIN
    for i in range(count - SHINGLE + 1):
        h = U(0)
        for j in range(SHINGLE):
            h = fold(h, masked[i + j])
        h = sip_word(h, k0, k1)
        b = int((h >> U(32)) % U(N_BINS))
        low = h & U(0xFFFFFFFF)
        bins[b] = min(bins[b], low)
    for b in range(N_BINS):
        if bins[b] == _EMPTY_BIN:
            for step in range(1, N_BINS):
                value = bins[(b + step) % N_BINS]
                if value < (U(1) << U(32)):
                    bins[b] = value | (U(step) << U(40))
                    break
    for band in range(N_BANDS):
        h = U(band)
        for row in range(ROWS_PER_BAND):
            h = fold(h, bins[band * ROWS_PER_BAND + row])
        out[band] = sip_word(h, k0, k1)


@njit(cache=True, nogil=True)
def _sample_tokens(exact, flags, lengths, count, k0, k1, order, out):  # type: ignore[no-untyped-def]
    """Keep the `N_TOKENS` content words with the lowest keyed priority (bottom-k sampling).

    The same word has the same priority in every text, so the overlap of two samples estimates the
    overlap of the texts. Long words and words with digits are four times as likely to be kept:
    they are what an item is about, while short words are what any text is made of.
    """
    kept = 0
    for i in range(count):
        word = exact[i]
        if flags[i] & IS_CJK:
            if i + 1 >= count or not flags[i + 1] & IS_CJK:
                continue
            word = fold(word, exact[i + 1])
        elif flags[i] & HAS_DIGIT:
            if lengths[i] < 2:
                continue
        elif lengths[i] < 4:
            continue
        h = sip_word(word, k0, k1)
        priority = h >> U(32)
        if flags[i] & HAS_DIGIT or (lengths[i] >= 7 and not flags[i] & IS_CJK):
            priority >>= U(2)
        if kept == N_TOKENS and priority >= order[kept - 1]:
            continue
        token = np.int32(np.int64((h & U(0x7FFFFFFF)) | U(1)))
        known = False
        for j in range(kept):
            if out[j] == token:
                known = True
                break
        if known:
            continue
        j = min(kept, N_TOKENS - 1)
        while j > 0 and order[j - 1] > priority:
            order[j] = order[j - 1]
            out[j] = out[j - 1]
            j -= 1
        order[j] = priority
        out[j] = token
        kept = min(kept + 1, N_TOKENS)


@njit(cache=True, nogil=True)
def _find(table, word):  # type: ignore[no-untyped-def]
    """Slot of `word` in an open-addressing table of hashes (0 is empty), or -1."""
    mask = U(table.size - 1)
    slot = word & mask
    while table[slot] != U(0):
        if table[slot] == word:
            return np.int64(slot)
        slot = (slot + U(1)) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _score(masked, count, starts, phrases, weights, out):  # type: ignore[no-untyped-def]
    """Add the weights of every lexicon phrase in the text to the classes it speaks for."""
    for i in range(count):
        if _find(starts, masked[i]) < 0:
            continue
        h = U(0)
        for j in range(i, min(i + LONGEST_PHRASE, count)):
            h = fold(h, masked[j])
            slot = _find(phrases, h)
            if slot >= 0:
                for c in range(out.size):
                    out[c] += weights[slot, c]


@njit(cache=True, nogil=True)
def _skeleton(data, start, end):  # type: ignore[no-untyped-def]
    """Hash the structure of a text, its content left out; 0 where there is too little structure.

    Structure is the sequence of labels at line starts ("Question:"), XML tags, JSON keys, headings,
    fences, bullets and plain text blocks, equal neighbours counted once.
    """
    end = min(end, start + SCAN_BYTES)
    h = U(0)
    labels = 0
    last = U(0)
    line_start = start
    while line_start < end:
        line_end = line_start
        while line_end < end and data[line_end] != 10:
            line_end += 1
        p = line_start
        while p < line_end and data[p] in (32, 9, 13):
            p += 1
        if p < line_end:
            event = U(1)
            b = data[p]
            if b in (60, 34):  # a tag, or a quoted key
                q = p + 1
                name = _FNV_OFFSET
                while q < line_end and q < p + 40 and (data[q] == 47 or data[q] == 95
                        or data[q] >= 0x80 or 48 <= data[q] <= 57 or 65 <= data[q] <= 90
                        or 97 <= data[q] <= 122):
                    name = (name ^ U(data[q])) * _FNV_PRIME
                    q += 1
                if q > p + 1 and q < line_end and (data[q] == 62 or data[q] == 34):
                    event = name ^ U(b)
                    labels += 1
            elif b == 35 or (b == 96 and p + 2 < line_end and data[p + 1] == 96):
                event = U(b)
                labels += 1
            elif b in (45, 42):
                event = U(2)
            else:
                name = _FNV_OFFSET
                q = p
                while q < line_end and q < p + 40 and (data[q] == 32 or data[q] == 95
                        or data[q] == 45 or data[q] >= 0x80 or 48 <= data[q] <= 57
                        or 65 <= data[q] <= 90 or 97 <= data[q] <= 122):
                    c = data[q]
                    if 48 <= c <= 57:
                        c = 48
                    name = (name ^ U(c)) * _FNV_PRIME
                    q += 1
                if q > p and q < line_end and data[q] == 58:
                    event = name
                    labels += 1
                elif 48 <= b <= 57:
                    event = U(3)
            if event != last:
                h = fold(h, event)
                last = event
        line_start = line_end + 1
    return h if labels >= MIN_LABELS else U(0)


@njit(cache=True, nogil=True)
def template_columns(data, offsets, key, grams, skeleton, bands, tokens, words):  # type: ignore[no-untyped-def]
    """What a template leaves in each text, and a sample of what it was filled with.

    Args:
        data, offsets: bytes of n texts and their n + 1 offsets.
        key: two uint64 words.
        grams: out, uint64[n, 4]: first 4 and 8 words, last 4 and 8 words; 0 where the text has
            not at least two more words than that, for then it would be the text itself.
        skeleton: out, uint64[n]; 0 where there is no structure.
        bands: out, uint64[n, N_BANDS]; 0 where the text is too short.
        tokens: out, int32[n, N_TOKENS], ascending priority, 0 is padding.
        words: out, int32[n], word counts (of both ends only, for texts over SCAN_BYTES).
    """
    k0, k1 = key[0], key[1]
    size = 16
    for i in range(offsets.size - 1):
        size = max(size, min(offsets[i + 1] - offsets[i], SCAN_BYTES))
    masked = np.empty(size, np.uint64)
    exact = np.empty(size, np.uint64)
    flags = np.empty(size, np.uint8)
    lengths = np.empty(size, np.int32)
    bins = np.empty(N_BINS, np.uint64)
    order = np.empty(N_TOKENS, np.uint64)
    for i in range(offsets.size - 1):
        start, end = offsets[i], offsets[i + 1]
        count = _words_of(data, start, end, masked, exact, flags, lengths)
        words[i] = count
        for g in range(4):
            length = 4 if g % 2 == 0 else 8
            if count >= length + 2:
                begin = 0 if g < 2 else count - length
                h = U(g)
                for j in range(begin, begin + length):
                    h = fold(h, masked[j])
                grams[i, g] = sip_word(h, k0, k1)
        h = _skeleton(data, start, end)
        if h != U(0):
            skeleton[i] = sip_word(h, k0, k1)
        if count >= MIN_SHINGLED_WORDS:
            _bands(masked, count, k0, k1, bins, bands[i])
        _sample_tokens(exact, flags, lengths, count, k0, k1, order, tokens[i])


@njit(cache=True, nogil=True)
def phrase_scores(data, offsets, starts, phrases, weights, out):  # type: ignore[no-untyped-def]
    """Sum the lexicon weights found in each text by class.

    Args:
        data, offsets: bytes of n texts and their n + 1 offsets.
        starts: table of the hashes of first words, to skip most words at one look.
        phrases: table of phrase hashes; weights: float32[slots, classes] beside it.
        out: float32[n, classes], added to.
    """
    size = 16
    for i in range(offsets.size - 1):
        size = max(size, min(offsets[i + 1] - offsets[i], SCAN_BYTES))
    masked = np.empty(size, np.uint64)
    exact = np.empty(size, np.uint64)
    flags = np.empty(size, np.uint8)
    lengths = np.empty(size, np.int32)
    for i in range(offsets.size - 1):
        count = _words_of(data, offsets[i], offsets[i + 1], masked, exact, flags, lengths)
        _score(masked, count, starts, phrases, weights, out[i])
