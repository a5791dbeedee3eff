from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sketch.columns import hash_text, join_hashes
from stillwatch.sketch.siphash import sip_word

from . import reference

# SipHash-2-4 of the bytes 00, 01, … under the key 00 01 … 0f: from the appendix of the paper (15
# bytes) and from the `vectors_sip64` of its authors' reference implementation.
PUBLISHED = {0: 0x726FDB47DD0E0E31, 1: 0x74F839C593DC67FD, 15: 0xA129CA6149BE45E5}
PUBLISHED_KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
words64 = st.integers(0, 2**64 - 1)


def column(values: list[bytes]) -> pa.Array:
    return pa.array(values, pa.binary()).view(pa.string())


def key_of(pair: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(pair, dtype=np.uint64)


@pytest.mark.parametrize("length", PUBLISHED)
def test_published_vectors(length: int) -> None:
    message = bytes(range(length))
    assert hash_text(column([message]), key_of(PUBLISHED_KEY))[0] == PUBLISHED[length]
    assert reference.siphash(message, PUBLISHED_KEY) == PUBLISHED[length]


def test_every_length_up_to_three_blocks_of_64() -> None:
    messages = [bytes(range(length)) for length in range(193)]
    found = hash_text(column(messages), key_of(PUBLISHED_KEY)).tolist()
    assert found == [reference.siphash(message, PUBLISHED_KEY) for message in messages]


@given(st.lists(st.binary(max_size=300), max_size=8), st.tuples(words64, words64))
def test_any_bytes_under_any_key(messages: list[bytes], key: tuple[int, int]) -> None:
    found = hash_text(column(messages), key_of(key)).tolist()
    assert found == [reference.siphash(message, key) for message in messages]


@given(words64, st.tuples(words64, words64))
def test_one_word_is_siphash_1_3_of_its_bytes(word: int, key: tuple[int, int]) -> None:
    k0, k1 = key_of(key)
    assert int(sip_word(np.uint64(word), k0, k1)) == reference.sip_word(word, key)


@given(st.lists(st.tuples(words64, words64, words64), min_size=1, max_size=5))
def test_joining_depends_on_order_and_on_every_part(rows: list[tuple[int, int, int]]) -> None:
    key = key_of(PUBLISHED_KEY)
    parts = [np.array(part, dtype=np.uint64) for part in zip(*rows, strict=True)]
    joined = join_hashes(key, *parts)
    assert len(joined) == len(rows)
    changed = join_hashes(key, parts[0] + np.uint64(1), *parts[1:])
    assert (joined != changed).all()
    swapped = join_hashes(key, parts[1], parts[0], parts[2])
    assert ((joined == swapped) == (parts[0] == parts[1])).all()
