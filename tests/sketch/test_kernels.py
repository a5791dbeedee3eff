from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import reference
from .making import KEY, TEXTS, read

WORDS = np.array(
    [f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}x{chr(97 + i // 676)}" for i in range(5_000)]
)


@given(st.lists(TEXTS, max_size=4))
def test_like_plain_python(texts: list[str]) -> None:
    found = read(texts)
    split = [reference.words(text) for text in texts]
    assert found.words.tolist() == [len(words) for words in split]
    assert found.grams.tolist() == [reference.grams(words, KEY) for words in split]
    assert found.bands.tolist() == [reference.bands(words, KEY) for words in split]
    assert found.tokens.tolist() == [reference.tokens(words, KEY) for words in split]


def test_long_texts_like_plain_python() -> None:
    chance = np.random.default_rng(4)
    texts = [" ".join(chance.choice(WORDS, size)) for size in (40, 400, 40_000)]
    found = read(texts)
    split = [reference.words(text) for text in texts]
    assert found.bands.tolist() == [reference.bands(words, KEY) for words in split]
    assert found.tokens.tolist() == [reference.tokens(words, KEY) for words in split]


def test_a_template_keeps_its_head_and_tail_whatever_fills_it() -> None:
    template = (
        "Problem {}: solve the following exercise with care. {} "
        "Write the answer in at most {} words, please, thank you."
    )
    found = read([template.format(1, "Add two numbers.", 20), template.format(2048, "Draw.", 7)])
    assert (found.grams[0] == found.grams[1]).all()
    assert (found.grams != 0).all()
    assert set(found.tokens[0]) != set(found.tokens[1])


@pytest.mark.parametrize("length", [4, 8])
def test_a_gram_is_missing_where_it_would_be_nearly_the_text_itself(length: int) -> None:
    head = {4: 0, 8: 1}[length]
    short, enough = read([" ".join(WORDS[: length + extra]) for extra in (1, 2)]).grams
    assert short[head] == short[head + 2] == 0
    assert enough[head] != 0
    assert enough[head + 2] != 0


def pairs(similarity: float, n: int, seed: int) -> tuple[list[str], list[str], float]:
    """Texts of 120 words and copies with some words replaced; mean squared Jaccard of shingles."""
    chance = np.random.default_rng(seed)
    replaced = max(1, round(120 * (1 - similarity) / 3))
    ones, others, squares = [], [], []
    for _ in range(n):
        one = chance.choice(WORDS, 120)
        other = one.copy()
        other[chance.choice(120, replaced, replace=False)] = chance.choice(WORDS, replaced)
        texts = one.tolist(), other.tolist()
        first, second = ({tuple(t[i : i + 3]) for i in range(118)} for t in texts)
        squares.append((len(first & second) / len(first | second)) ** 2)
        ones.append(" ".join(texts[0]))
        others.append(" ".join(texts[1]))
    return ones, others, float(np.mean(squares))


@pytest.mark.parametrize("similarity", [0.95, 0.85, 0.6, 0.3])
def test_near_duplicates_share_bands_as_often_as_theory_says(similarity: float) -> None:
    """A band of two MinHash rows agrees with probability J².

    Pairs are independent and each one's share of agreeing bands lies in 0..1, so by Hoeffding the
    mean of n = 2000 is off by 0.05 with a probability below 2 exp(-2 n 0.05²) = 1e-4. Densification
    (Shrivastava and Li, 2014) and drawing the two rows without replacement move the expectation by
    less than 0.01 for 118 shingles in 12 bins.
    """
    ones, others, expected = pairs(similarity, 2_000, seed=round(100 * similarity))
    agreement = (read(ones).bands == read(others).bands).mean()
    assert abs(agreement - expected) < 0.06


def test_unrelated_texts_share_no_band() -> None:
    chance = np.random.default_rng(5)
    found = read([" ".join(chance.choice(WORDS, 120)) for _ in range(2_000)]).bands
    assert len(np.unique(found)) == found.size


def test_the_overlap_of_token_samples_estimates_the_overlap_of_contents() -> None:
    """Bottom-k sampling: of the lowest k of the union, the shared share estimates Jaccard."""
    chance = np.random.default_rng(6)
    estimates = []
    for _ in range(600):
        shared, left, right = chance.choice(WORDS, (3, 50), replace=False).tolist()
        one, other = read([" ".join(shared + left), " ".join(shared + right)]).tokens
        both = set(one.tolist()) & set(other.tolist())
        estimates.append(len(both))
    # the union holds about 150 words, so the lowest 24 of each text reach equally deep: a word
    # among the lowest 24 of 100 is among them in the other text with about the same probability
    assert 0.35 < np.mean(estimates) / 24 < 0.6


def test_another_key_gives_other_values() -> None:
    texts = [" ".join(WORDS[i : i + 40]) for i in range(50)]
    one, other = read(texts), read(texts, (KEY[0], KEY[1] ^ 1))
    for column in ("grams", "bands"):
        assert not set(getattr(one, column).ravel()) & set(getattr(other, column).ravel())
    # tokens have 30 bits: of 50 texts x 24 on both sides, a chance match is a 1 in 1000 event
    assert not set(one.tokens.ravel()) & set(other.tokens.ravel())
