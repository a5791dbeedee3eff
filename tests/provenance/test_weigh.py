from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.provenance.markers import classes, marked
from stillwatch.provenance.weigh import (
    COPY,
    SURE,
    Rate,
    lower,
    posterior,
    rates,
    upper,
    watermark_confidence,
)

COUNTS = st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(COUNTS)
def test_bounds_enclose_the_share(counted: tuple[int, int]) -> None:
    found, of = counted
    assert 0 <= lower(found, of) <= found / of <= upper(found, of) <= 1


def test_bounds_are_those_of_the_binomial() -> None:
    assert upper(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert lower(100, 100) == pytest.approx(0.05 ** (1 / 100))


@given(COUNTS, COUNTS)
def test_more_evidence_of_the_same_share_convinces_more(
    people: tuple[int, int], models: tuple[int, int]
) -> None:
    few = Rate(people, models)
    many = Rate((people[0] * 10, people[1] * 10), (models[0] * 10, models[1] * 10))
    assert many.confidence >= few.confidence - 1e-9


def test_what_was_never_found_in_models_is_worth_nothing() -> None:
    assert Rate((0, 10_000), (0, 10_000)).confidence == 0


def test_every_marker_has_a_rate_and_what_people_write_too_convinces_nobody() -> None:
    assert set(rates()) == {*classes(), COPY}
    assert rates()["persona"].people[0] > 0
    assert rates()["persona"].confidence < SURE
    assert rates()["refusal"].confidence < SURE
    assert rates()[COPY].confidence > 0.99


def test_page_has_the_counts_that_ship() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/provenance.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)`[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", page, re.MULTILINE
    )
    counts = {kind: (int(p.replace(",", "")), int(m.replace(",", ""))) for kind, p, m, _ in rows}
    assert counts == {kind: (rate.people[0], rate.models[0]) for kind, rate in rates().items()}
    for kind, _, _, confidence in rows:
        digits = len(confidence.partition(".")[2])
        assert float(confidence) == pytest.approx(rates()[kind].confidence, abs=10.0**-digits)
    ((people, models),) = {(rate.people[1], rate.models[1]) for rate in rates().values()}
    assert f"{people:,} texts of people and {models:,} of models" in page


def test_unmarked_texts_convince_as_rarely_as_documented() -> None:
    p = np.random.default_rng(0).uniform(size=200_000)
    # 0.6 expected; five or more would come once in 2,500 seeds
    assert (watermark_confidence(p) >= SURE).sum() < 5
    assert watermark_confidence(np.array([1e-8]))[0] > 0.99
    assert watermark_confidence(np.array([3e-6]))[0] == pytest.approx(SURE, abs=0.01)
    assert posterior(np.array(1.0)) == 0.5


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("As an AI language model, I cannot feel.", {"signature"}),
        ("作为一个人工智能语言模型，我没有感情。", {"signature"}),
        ("I am an AI assistant, how can I help?", {"persona"}),
        ("I'm sorry, but I can't do that.", {"refusal"}),
        ("<|im_start|>assistant", {"artefact"}),
        ("See https://example.com/?utm_source=chatgpt.com", {"artefact"}),
        ("The paper compares language models, such as an ai of 2019.", set()),
        ("I am sorry that I came late.", set()),
        ("The set was parted by <|endoftext|> marks.", set()),
    ],
)
def test_markers_are_what_a_model_says_of_itself(text: str, kinds: set[str]) -> None:
    import pyarrow as pa

    found = marked(pa.array([text]))
    assert {kind for kind, shown in found.items() if shown[0]} == kinds
