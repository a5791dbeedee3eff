"""What the kernels compute, once more in plain Python, from the papers and the docstrings."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import NamedTuple

MASK = 0xFFFFFFFFFFFFFFFF
SCAN = 131_072
EMPTY = MASK


def _rotl(x: int, b: int) -> int:
    return ((x << b) | (x >> (64 - b))) & MASK


def siphash(data: bytes, key: tuple[int, int], rounds: int = 2, final: int = 4) -> int:
    """SipHash-c-d, after section 2.2 of Aumasson and Bernstein."""
    v = [
        key[0] ^ 0x736F6D6570736575,
        key[1] ^ 0x646F72616E646F6D,
        key[0] ^ 0x6C7967656E657261,
        key[1] ^ 0x7465646279746573,
    ]

    def compress(times: int) -> None:
        for _ in range(times):
            for a, b, c, d, first, second in ((0, 1, 2, 3, 13, 16), (2, 1, 0, 3, 17, 21)):
                v[a] = (v[a] + v[b]) & MASK
                v[c] = (v[c] + v[d]) & MASK
                v[b], v[d] = _rotl(v[b], first) ^ v[a], _rotl(v[d], second) ^ v[c]
                v[a] = _rotl(v[a], 32)

    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        compress(rounds)
        v[0] ^= word
    v[2] ^= 0xFF
    compress(final)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def sip_word(word: int, key: tuple[int, int]) -> int:
    return siphash(word.to_bytes(8, "little"), key, rounds=1, final=3)


class Word(NamedTuple):
    masked: str
    exact: str
    ideograph: bool
    digit: bool


ACCENTS = {chr(c) for c in (*range(0x300, 0x370), 0x3099, 0x309A)}


def _kind(character: str) -> tuple[str, str]:
    category = unicodedata.category(character)
    code = ord(character)
    if code >= 0x20000:
        return ("ideograph", character) if code < 0x40000 else ("unseen", "")
    if character in ACCENTS or 0xFE00 <= code < 0xFE10 or category == "Cf":
        return "unseen", ""
    if category[0] not in "LMN":
        return "gap", ""
    if category == "Nd":
        return "digit", str(unicodedata.digit(character))
    plain = [c for c in unicodedata.normalize("NFKD", character.lower()) if c not in ACCENTS]
    folded = plain[0].lower() if len(plain) == 1 else character
    ranges = ((0x3041, 0x3100), (0x31F0, 0x3200), (0x3400, 0x4DC0), (0x4E00, 0xA000))
    kind = "ideograph" if any(a <= ord(folded) < b for a, b in ranges) else "letter"
    return ("digit" if folded in set("0123456789") else kind), folded


def _symbols(text: str) -> list[tuple[str, str]]:
    """Kind and folded form of each character that is seen; points inside numbers are digits."""
    found: list[tuple[str, str]] = []
    for at, character in enumerate(text):
        kind, folded = _kind(character)
        inside = found and found[-1][0] == "digit" and text[at + 1 : at + 2] in set("0123456789")
        if character in ".," and inside:
            kind, folded = "digit", character
        if kind != "unseen":
            found.append((kind, folded))
    return found


def words(text: str) -> list[Word]:
    """The words of a text; of one over `SCAN` bytes, those of its two ends."""
    raw = text.encode()
    if len(raw) > SCAN:
        ends = raw[: SCAN // 2], raw[-SCAN // 2 :]
        # a character that the cut goes through stands for a gap
        return [word for end in ends for word in words(end.decode("utf-8", "replace"))]
    found: list[Word] = []
    shapes = {"letter": "word", "digit": "word"}
    for shape, run in groupby(_symbols(text), lambda symbol: shapes.get(symbol[0], symbol[0])):
        kinds, letters = zip(*run, strict=True)
        exact = "".join(letters)
        if shape == "ideograph":
            found += [Word(letter, letter, ideograph=True, digit=False) for letter in letters]
        elif shape == "word":
            masked = re.sub("[0-9.,]+", "0", exact)
            found.append(Word(masked, exact, ideograph=False, digit="digit" in kinds))
    return found


def fnv(text: str) -> int:
    h = 0xCBF29CE484222325
    for character in text:
        h = ((h ^ ord(character)) * 0x100000001B3) & MASK
    return h


def fold(h: int, word: int) -> int:
    h = ((h ^ word) * 0xBF58476D1CE4E5B9) & MASK
    return h ^ (h >> 29)


def fold_all(values: list[int], start: int = 0) -> int:
    h = start
    for value in values:
        h = fold(h, value)
    return h


def shuffle(word: int, key: tuple[int, int]) -> int:
    h = ((word ^ key[0]) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ (h >> 32) ^ key[1]) * 0x94D049BB133111EB) & MASK
    return h ^ (h >> 32)


def grams(found: list[Word], key: tuple[int, int]) -> list[int]:
    hashes = [fnv(word.masked) for word in found]
    out = []
    for g, (length, head) in enumerate(((4, True), (8, True), (4, False), (8, False))):
        part = hashes[:length] if head else hashes[-length:]
        out.append(sip_word(fold_all(part, g), key) if len(found) >= length + 2 else 0)
    return out


def bands(found: list[Word], key: tuple[int, int], n: int = 6, rows: int = 2) -> list[int]:
    if len(found) < 6:
        return [0] * n
    hashes = [fnv(word.masked) for word in found]
    bins: list[int | None] = [None] * (n * rows)
    for i in range(len(hashes) - 2):
        h = shuffle(fold_all(hashes[i : i + 3]), key)
        b, value = (h >> 32) * len(bins) >> 32, h & 0xFFFFFFFF
        bins[b] = value if bins[b] is None else min(bins[b] or 0, value)
    filled: list[int] = []
    for b in range(len(bins)):
        step = next(s for s in range(len(bins)) if bins[(b + s) % len(bins)] is not None)
        filled.append((bins[(b + step) % len(bins)] or 0) | step << 40)
    return [
        sip_word(fold_all(filled[band * rows : (band + 1) * rows], band), key) for band in range(n)
    ]


def tokens(found: list[Word], key: tuple[int, int], most: int = 24) -> list[int]:
    best: dict[int, int] = {}
    for i, word in enumerate(found):
        h = fnv(word.exact)
        length = len(word.exact)
        if word.ideograph:
            if i + 1 >= len(found) or not found[i + 1].ideograph:
                continue
            h = fold_all([h, fnv(found[i + 1].exact)])
        elif length < (2 if word.digit else 4):
            continue
        priority = shuffle(h, key)
        if word.digit or (length >= 7 and not word.ideograph):
            priority >>= 2
        best[sip_word(h, key) & 0x7FFFFFFF | 1] = priority
    chosen = sorted(best, key=lambda token: best[token])[:most]
    return chosen + [0] * (most - len(chosen))
