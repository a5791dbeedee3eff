from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stillwatch.sketch.characters import characters
from stillwatch.sketch.columns import text_buffers
from stillwatch.sketch.words import HAS_DIGIT, IS_IDEOGRAPH, SCAN_BYTES, room_for_words, words_of

from . import reference
from .making import TEXTS

Shape = list[tuple[int, int, int, int]]


def split(text: str) -> Shape:
    data, offsets = text_buffers(pa.array([text], pa.string()))
    words = room_for_words(offsets)
    count = words_of(data, offsets[0], offsets[1], characters(), words)
    assert count <= len(words.masked)
    return list(
        zip(
            words.masked[:count].tolist(),
            words.exact[:count].tolist(),
            words.flags[:count].tolist(),
            words.lengths[:count].tolist(),
            strict=True,
        )
    )


def expected(text: str) -> Shape:
    return [
        (
            reference.fnv(word.masked),
            reference.fnv(word.exact),
            (HAS_DIGIT if word.digit else 0) | (IS_IDEOGRAPH if word.ideograph else 0),
            len(word.exact),
        )
        for word in reference.words(text)
    ]


@given(TEXTS)
@example("")
@example("\0")
@example("a" * 5_000)
@example("1.")
@example("1,2.3.x")
def test_like_plain_python(text: str) -> None:
    assert split(text) == expected(text)


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("unit", "あ🙂𠀀")
def test_characters_that_a_cut_goes_through_are_gaps(shift: int, unit: str) -> None:
    text = "-" * shift + unit * (SCAN_BYTES // len(unit.encode()) + 40) + " tail"
    assert len(text.encode()) > SCAN_BYTES
    assert split(text) == expected(text)


def test_a_huge_word_is_one_word_at_each_end() -> None:
    assert [length for *_, length in split("w" * (3 * SCAN_BYTES))] == [SCAN_BYTES // 2] * 2


def test_the_middle_of_a_huge_text_is_not_read() -> None:
    ends = "one two " * 9_000
    assert split(ends + "middle " * 50_000 + ends) == split(ends + "other " * 60_000 + ends)


@given(st.text([chr(c) for c in (*range(0x20, 0x530), *range(0x3041, 0x30FF))], max_size=60))
def test_composed_and_decomposed_spellings_are_the_same_words(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert split(composed) == split(unicodedata.normalize("NFD", composed))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE Élan ЯРОСЛАВЛЬ ΑΘΗΝΑ", "strasse élan ярославль αθηνα"),
        ("Ｓｔｅｐ １", "step 1"),
        ("𝐬𝐭𝐞𝐩 𝟏", "step 1"),
        ("st\u200bep", "step"),
        ("so\u00adft", "soft"),
        ("Ünïcödé", "unicode"),
        ("٣٤", "34"),
        ("ｶﾅ", "カナ"),
    ],
)
def test_spellings_of_the_same_look_are_the_same_words(one: str, other: str) -> None:
    assert split(one) == split(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("item 7 of 10", "item 12345 of 9"), ("$3.50", "$1,000.75"), ("v2beta10", "v13beta4")],
)
def test_numbers_are_masked_and_kept(one: str, other: str) -> None:
    assert [masked for masked, *_ in split(one)] == [masked for masked, *_ in split(other)]
    assert [exact for _, exact, *_ in split(one)] != [exact for _, exact, *_ in split(other)]


def test_the_table_agrees_with_unicode_on_every_character() -> None:
    table = characters()
    kinds = np.array(["gap", "letter", "digit", "ideograph", "unseen"])[table >> 24]
    for code in [*range(0x3500), *range(0x4DF0, 0x4E10), *range(0x9FF0, 0xA100)]:
        kind, folded = reference._kind(chr(code))
        assert kinds[code] == kind
        assert table[code] & 0xFFFFFF == (ord(folded) if folded else 0)
