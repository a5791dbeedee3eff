"""Rejections written down, and the rule when to give up."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError
from stillwatch.readers import Rejection, RejectionFile, RejectionLimit
from stillwatch.readers.rejections import EXCERPT, excerpt

if TYPE_CHECKING:
    from pathlib import Path


def rejected(line: int, reason: str = "is missing") -> Rejection:
    return Rejection("log.jsonl", line, "model", reason)


def test_file_is_appended_to_and_holds_any_name(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    odd = os.fsdecode(b"caf\xe9\n.jsonl")
    with RejectionFile(path) as file:
        file.write([rejected(1)])
    with RejectionFile(path, append=True) as file:
        file.write([Rejection(odd, 2, "\x00\u2028", "<script>")])
    first, second = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert first == {"file": "log.jsonl", "line": 1, "field": "model", "reason": "is missing"}
    assert second["file"] == "caf\\udce9\n.jsonl"
    with RejectionFile(path):
        pass
    assert path.read_bytes() == b""


def test_writing_outside_the_block_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with block"):
        RejectionFile(tmp_path / "r").write([rejected(1)])


def test_half_is_enough_and_more_is_too_many() -> None:
    limit = RejectionLimit()
    limit.add(99, map(rejected, range(99)))  # too early to judge
    limit.add(99, [])
    limit.finish()
    with pytest.raises(InputError, match="100 of 199"):
        limit.add(1, [rejected(100)])


def test_short_log_is_judged_at_its_end() -> None:
    limit = RejectionLimit()
    limit.add(3, [rejected(1), rejected(2)])
    with pytest.raises(InputError, match="2 of 3"):
        limit.finish()


def test_the_message_shows_the_three_most_common_reasons() -> None:
    limit = RejectionLimit()
    reasons = ["one"] * 40 + ["two"] * 30 + ["three"] * 20 + ["four"] * 10
    with pytest.raises(InputError) as caught:
        limit.add(100, [rejected(i, r) for i, r in enumerate(reasons)])
    message = str(caught.value)
    assert "40 x model: one (at log.jsonl:0, log.jsonl:1)" in message
    assert "three" in message
    assert "four" not in message


def test_an_empty_log_is_not_given_up() -> None:
    RejectionLimit().finish()


def test_excerpt_is_short_and_printable() -> None:
    shown = excerpt("\x1b[31m\n" + "z" * 500)
    assert len(shown) == EXCERPT + 1
    assert shown[:-1].isprintable()
