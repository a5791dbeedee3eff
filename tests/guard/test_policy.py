from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError
from stillwatch.guard import Policy, load_policy, parse_policy
from stillwatch.guard.toml_file import line_of
from stillwatch.standing import Action

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_file_watches_and_changes_nothing() -> None:
    policy = parse_policy("")
    assert policy == Policy()
    assert policy.mode == "shadow"
    assert policy.verdicts.distillation.action is Action.RESTRICT
    assert policy.verdicts.distillation.suspension == "propose"


MISTAKES = [
    ('mode = "on"', 1, "mode", "Invalid enum value"),
    ('\nversion = "v"\nmoed = "shadow"', 3, "moed", "no such key"),
    ('[limits]\n\naccount = {requests = "5 per m"}', 3, "limits.account.requests", "not a rate"),
    ("[limits.account]\nrequests = 5", 2, "limits.account.requests", "text in quotes"),
    ('[verdicts.pooled]\naction = "suspend"', 1, "verdicts", "only `distillation` may suspend"),
    ('[verdicts.inconclusive]\nsuspension = "automatic"', 1, "verdicts", "no error rate"),
    ("[live.migration]\nlasts = '1h'\nafter = 0", 3, "live.migration.after", ">= 1"),
    ('[live]\nmigration.action = "suspend"', 2, "live.migration.action", "Invalid enum value"),
    ('[verify]\nsatisfied_by = "x"', 1, "verify", "not among"),
    ('[verdicts.distillation]\nlasts = "soon"', 2, "verdicts.distillation.lasts", "duration"),
]


@pytest.mark.parametrize(("text", "line", "key", "problem"), MISTAKES)
def test_a_mistake_is_named_with_line_and_key(text: str, line: int, key: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_policy(text, file="p.toml")
    assert caught.value.line == line
    assert caught.value.field == key
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"p.toml:{line}: ")


def test_what_is_no_toml_is_said() -> None:
    with pytest.raises(InputError, match="not TOML"):
        parse_policy("mode = ")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_lines_are_found_in_every_spelling() -> None:
    text = '# a = 1\n[a]\nb.c = 1\n"d" = {e = 2, f = "x = 3"}\n[[g]]\nh = 1\n'
    assert line_of(text, ["a", "b", "c"]) == 3
    assert line_of(text, ["a", "d", "e"]) == 4
    assert line_of(text, ["g", "h"]) == 6
    assert line_of(text, ["a", "z"]) == 2
    assert line_of(text, ["z"]) is None
