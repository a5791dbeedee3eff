from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .making import TEXTS, read


def skeletons(*texts: str) -> list[int]:
    found: list[int] = read(texts).skeletons.tolist()
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Question: why?\nAnswer: because", "Question: how many?\n\nAnswer: seven of them"),
        ("**Question:** why?\n**Answer:** so", "**Question:** who?\n**Answer:** me"),
        ("**Question**: why?\n**Answer**: so", "**Question**: who?\n**Answer**: me"),
        ("问题：为什么\n答案：因为", "问题：多少\n答案：七个"),
        ("<task>\ngo\n</task>", "<task>\nstay here\nand there\n</task>"),
        ('{\n "id": 1,\n "text": "a"\n}', '{\n "id": 22,\n "text": "b c"\n}'),
        ("# One\ntext\n```\nx = 1\n```", "# Two\nmore\n\n```\ny = 2\nz = 3\n```"),
        ("Example 9: a\nResult: b", "Example 1234: c\nResult: d"),
        ("Input: x\n- a\nOutput:", "Input: y\n- a\n- b\n- c\nOutput:"),
        ("Input: x\r\nOutput: y", "  Input: z\n\tOutput: w"),
    ],
)
def test_one_template_has_one_skeleton(one: str, other: str) -> None:
    first, second = skeletons(one, other)
    assert first == second != 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Question: a\nAnswer: b", "Question: a\nReply: b"),
        ("Question: a\nAnswer: b", "Answer: a\nQuestion: b"),
        ("<a>x\n</a>", "<b>x\n</b>"),
        ("Input: x\nOutput: y", "Input: x\n- item\nOutput: y"),
    ],
)
def test_other_structures_have_other_skeletons(one: str, other: str) -> None:
    first, second = skeletons(one, other)
    assert 0 != first != second != 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "a\nb\nc", "- one\n- two", "1. one\n2. two", "Question: only one label"),
        *(
            ":\n:\n",
            "：\n：",
            '"',
            "<",
            "<>\n<>",
            '"\n"',
            "**\n**",
            "`\n``",
            f"{'l' * 60}: a\n" * 3,
        ),
    ],
)
def test_text_without_structure_has_no_skeleton(text: str) -> None:
    assert skeletons(text) == [0]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_is_safe_and_neighbours_do_not_matter(texts: list[str]) -> None:
    assert skeletons(*texts) == [skeleton for text in texts for skeleton in skeletons(text)]


@given(st.text('#`*"<>:/-_ \n1aé：', max_size=40))
def test_a_text_that_ends_anywhere_is_read_to_its_end_only(text: str) -> None:
    # what lies behind the text in the same buffer must not be looked at
    assert skeletons(text, '>":**```：x')[0] == skeletons(text)[0]
