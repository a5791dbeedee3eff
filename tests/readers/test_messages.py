"""Chats of every shape, split by who wrote what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.readers.messages import split, text_of
from stillwatch.schema import TURN_SEPARATOR

RS = TURN_SEPARATOR


def message(role: str, content: object) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_voices_are_kept_apart() -> None:
    chat = split(
        [
            message("system", "S1"),
            message("user", "U1"),
            message("assistant", "A1"),
            message("developer", "S2"),
            message("user", f"U{RS}2"),
            message("assistant", "A2"),
            message("user", "U3"),
        ],
        system="S0",
    )
    assert chat.system_prompt == "S0\nS1\nS2"
    assert (chat.prompt, chat.turns) == ("U3", 3)
    assert chat.earlier_turns == f"U1{RS}U 2"
    assert chat.context == f"A1{RS}A2"


def test_a_tools_result_is_not_the_users_turn() -> None:
    chat = split(
        [
            message("user", "Ask"),
            message("assistant", [{"type": "tool_use", "input": {"q": 1}}]),
            message("user", [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}]),
            message("tool", "43"),
        ]
    )
    assert (chat.prompt, chat.turns, chat.earlier_turns) == ("Ask", 1, None)
    assert chat.context == RS.join(['{"q":1}', "42", "43"])


@pytest.mark.parametrize(
    ("messages", "prompt", "system"),
    [
        ("plain", "plain", None),
        ([message("system", "all in here")], "all in here", None),
        ([message("system", "one"), message("system", "two")], "two", "one"),
        ([message("assistant", "prefilled")], "prefilled", None),
        (
            [message("user", ""), message("user", "said"), message("user", " ".strip())],
            "said",
            None,
        ),
        ([], None, None),
        (None, None, None),
        ([7, None, ["x"], {}], None, None),
    ],
)
def test_no_request_can_do_without_a_prompt(
    messages: object, prompt: str | None, system: str | None
) -> None:
    chat = split(messages)
    assert (chat.prompt, chat.system_prompt) == (prompt, system)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ({"type": "text", "text": "t"}, "t"),
        ({"type": "input_text", "text": "t"}, "t"),
        ({"text": "t"}, "t"),
        ({"type": "text", "content": "t"}, "t"),
        ({"type": "image_url", "image_url": {"url": "u"}}, "[image]"),
        ({"type": "image", "source": {"data": "AA"}}, "[image]"),
        ({"image": {"format": "png"}}, "[image]"),
        ({"type": "blob", "modality": "image", "data": "AA"}, "[image]"),
        ({"type": "input_audio", "input_audio": {}}, "[audio]"),
        ({"document": {"name": "d"}}, "[document]"),
        ({"type": "input_file", "file_id": "f"}, "[document]"),
        ({"type": "tool_call", "arguments": {"a": 1}}, '{"a":1}'),
        ({"toolUse": {"toolUseId": "i", "input": {"a": 1}}}, '{"a":1}'),
        ({"toolResult": {"content": [{"json": {"b": 2}}]}}, '{"b":2}'),
        ({"type": ["odd"], "text": {"nested": "x"}}, ""),
    ],
)
def test_parts(part: dict[str, object], shown: str) -> None:
    assert text_of([part]) == shown


def test_content_inside_content_is_bounded() -> None:
    deep: object = "bottom"
    for _ in range(500):
        deep = [deep]
    assert text_of(deep) == ""


@settings(max_examples=80, deadline=None)
@given(
    turns=st.lists(
        st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.text(min_size=1)), min_size=1
    )
)
def test_no_text_is_lost(turns: list[tuple[str, str]]) -> None:
    chat = split([message(role, content) for role, content in turns])
    said = [content for role, content in turns if role == "user"]
    kept = [*(chat.earlier_turns or "").split(RS), *(chat.context or "").split(RS)]
    assert sum(map(len, kept)) + len(chat.prompt or "") == sum(len(t) for _, t in turns)
    if said:
        assert (chat.prompt, chat.turns) == (said[-1], len(said))
