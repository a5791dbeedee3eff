from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.cli.text import plain


@given(st.text())
def test_nothing_a_terminal_acts_on_is_left(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) == min(len(text), 200)


def test_cut_text_says_that_it_was_cut() -> None:
    assert plain("abcdef", limit=4) == "abc…"
