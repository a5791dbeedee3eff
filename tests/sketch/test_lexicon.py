from __future__ import annotations

import tomllib
from importlib import resources

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.schema import CAPABILITIES
from stillwatch.sketch.lexicon import (
    SECTIONS,
    capability,
    compile_phrases,
    lexicon,
    raw_scores,
    score,
)

from .making import TEXTS


def elicitation(*texts: str) -> list[float]:
    found: list[float] = score(raw_scores(pa.array(texts)), "elicitation").tolist()
    return found


@pytest.mark.parametrize(
    "text",
    [
        "Solve it step by step and show your reasoning.",
        "Think out loud: give your full reasoning before the result.",
        "请一步一步地写出推理过程。",
        "Explica la solución paso a paso.",
        "Donne la solution étape par étape.",
        "Erkläre die Lösung Schritt für Schritt.",
        "Реши задачу шаг за шагом.",
        "順を追って説明してください。",
        "단계별로 풀어 주세요.",
        "Çözümü adım adım anlat.",
        "اشرح الحل خطوة بخطوة",
        "STEP-BY-STEP, s'il vous plaît",
    ],
)
def test_asking_for_reasoning_is_heard_in_many_languages(text: str) -> None:
    assert elicitation(text)[0] > 0.8


@pytest.mark.parametrize(
    "text",
    [
        "What time does the library in Leeds open on Sunday?",
        "今天北京的天气怎么样？",
        "¿Qué tiempo hace hoy en Madrid?",
        "Wie spät ist es in Tokio?",
        "the staircase has a step, and the next step",
        "",
    ],
)
def test_ordinary_questions_ask_for_no_reasoning(text: str) -> None:
    assert elicitation(text) == [0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write a Python function that reverses a string.", "code"),
        ("Prove that the equation has two solutions.", "mathematics"),
        ("Rate the response on a scale of 1 to 5 using the rubric.", "grading"),
        ("Translate this letter and proofread it.", "writing"),
        ("Extract all entities as JSON and label the sentiment.", "extraction"),
        ("写一个算法的代码", "code"),
        ("qwx zzt", "other"),
    ],
)
def test_what_a_prompt_aims_at(text: str, expected: str) -> None:
    assert CAPABILITIES[capability(raw_scores(pa.array([text])))[0]] == expected


def test_grading_is_told_from_asking() -> None:
    raw = raw_scores(pa.array(["Which response is better, response A or response B?", "Hello"]))
    graded, plain = score(raw, "grading").tolist()
    assert graded > 0.9
    assert plain == 0


@given(st.lists(TEXTS, max_size=5))
def test_scores_lie_in_range_and_do_not_depend_on_neighbours(texts: list[str]) -> None:
    raw = raw_scores(pa.array(texts, pa.string()))
    assert raw.shape == (len(texts), len(SECTIONS))
    scores = score(raw, "elicitation")
    assert ((scores >= 0) & (scores <= 1)).all()
    for text, row in zip(texts, raw, strict=True):
        assert (raw_scores(pa.array([text]))[0] == row).all()


def test_every_phrase_of_the_file_weighs_in_its_section() -> None:
    text = resources.files("stillwatch.sketch").joinpath("lexicon.toml").read_text("utf-8")
    sections = tomllib.loads(text)
    flat = {"elicitation": sections["elicitation"], "grading": sections["grading"]}
    flat |= {f"capability.{name}": found for name, found in sections["capability"].items()}
    assert set(flat) == set(SECTIONS)
    for name, strengths in flat.items():
        phrases = [phrase for found in strengths.values() for phrase in found]
        assert (raw_scores(pa.array(phrases))[:, SECTIONS.index(name)] > 0).all()


def test_tables_are_sparse_enough_that_every_probe_ends() -> None:
    tables = lexicon()
    for table in (tables.starts, tables.phrases):
        assert 0 < np.count_nonzero(table) <= table.size // 4 + 1
        assert table.size & (table.size - 1) == 0


@pytest.mark.parametrize("phrase", ["", "...", "one two three four five six seven"])
def test_a_phrase_that_cannot_be_found_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match="words, not 1 to 6"):
        compile_phrases([("fine", 0, 1.0), (phrase, 0, 1.0)])
