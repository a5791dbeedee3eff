from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.report import wording

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(codec=None), max_size=200))
def test_nothing_hidden_is_left(text: str) -> None:
    shown = wording.visible(text)
    assert not any(unicodedata.category(character) in UNSEEN for character in shown)
    assert wording.visible(shown) == shown


@given(st.text(max_size=300))
def test_identifiers_are_short_and_never_empty(text: str) -> None:
    shown = wording.name(text)
    assert shown.strip()
    assert len(shown) <= wording.ID_LENGTH * len("⟨U+10FFFF⟩") + 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("acct-7", "acct-7"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("line\nbreak", "line⟨U+000A⟩break"),
        ("\x00", "⟨U+0000⟩"),
        ("", "⟨empty⟩"),
        ("   ", "⟨3 spaces⟩"),
        ("Łódź שלום 東京", "Łódź שלום 東京"),
        ("a\u0301\u0302\u0303\u0304", "a\u0301\u0302⟨U+0303⟩⟨U+0304⟩"),
        ("x" * 1_048, f"{'x' * 36}…(1\u202f000 more)…{'x' * 12}"),
    ],
)
def test_names(text: str, shown: str) -> None:
    assert wording.name(text) == shown


def test_kept_characters_stay() -> None:
    assert wording.visible("a\n\tb\x07", keep="\n\t") == "a\n\tb⟨U+0007⟩"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (12, "12"),
        (0.08, "0.08"),
        (0.94, "0.94"),
        (999.6, "1000"),
        (4_100, "4 100"),
        (66_002, "66 000"),
        (28_800_000, "28.8 million"),
        (1.5e9, "1.5 billion"),
        (3e20, "3.0 × 10²⁰"),
        (0.00002, "2.0 × 10⁻⁵"),
        (-0.5, "−0.5"),
        (-66_002, "−66 000"),
        (float("inf"), "∞"),
        (float("nan"), "not a number"),
    ],
)
def test_about(value: float, shown: str) -> None:
    assert wording.about(value).replace(wording.NARROW, " ") == shown


@given(st.floats())
def test_every_number_can_be_said(value: float) -> None:
    assert 1 <= len(wording.about(value)) <= 16


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (None, "could not be judged"),
        (0.0, "less than 1 in 10 000"),
        (0.00009, "less than 1 in 10 000"),
        (0.0001, "about 1 in 10 000"),
        (0.0031, "about 1 in 320"),
        (0.2, "about 1 in 5"),
        (0.7, "nothing unusual"),
    ],
)
def test_chance(p: float | None, said: str) -> None:
    assert wording.chance(p).replace(wording.NARROW, " ") == said


def test_e_values_grow_from_no_evidence_to_decisive() -> None:
    said = [wording.e_strength(e) for e in (None, 0.3, 1, 3, 9, 30, 99, 101)]
    assert said == [
        "could not be judged",
        "no evidence",
        "no evidence",
        "weak",
        "substantial",
        "strong",
        "very strong",
        "decisive",
    ]


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (0.0004, "less than 0.1 %"),
        (0.004, "0.4 %"),
        (0.01, "1 %"),
        (0.62, "62 %"),
        (1, "100 %"),
    ],
)
def test_percent(share: float, said: str) -> None:
    assert wording.percent(share).replace(wording.NARROW, " ") == said


@pytest.mark.parametrize(
    ("dollars", "said"),
    [(0, "$0"), (0.2, "less than $1"), (94.7, "$95"), (12_432, "$12 400"), (2.5e6, "$2.5 million")],
)
def test_money(dollars: float, said: str) -> None:
    assert wording.money(dollars).replace(wording.NARROW, " ") == said


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-05-03T10:00:00Z", "2026-05-20T11:00:00Z", "3 to 20 May 2026"),
        ("2026-04-26T10:00:00Z", "2026-05-20T11:00:00Z", "26 April to 20 May 2026"),
        ("2025-12-30", "2026-01-02", "30 December 2025 to 2 January 2026"),
        ("2026-05-03T01:00:00Z", "2026-05-03T23:00:00Z", "on 3 May 2026"),
        ("", "", "unknown dates"),
    ],
)
def test_span(first: str, last: str, said: str) -> None:
    assert wording.span(first, last) == said


def test_moments() -> None:
    assert wording.moment("2026-05-03T14:05:59.123Z") == "3 May 2026, 14:05 UTC"
    assert wording.moment("\u202e") == "⟨U+202E⟩"
    assert wording.moment("") == "unknown"
    assert wording.short_day("2026-05-03T14:05:59Z", "2026-06-01") == "3\u00a0May"
    assert wording.short_day("2025-05-03T14:05:59Z", "2026-06-01") == "3\u00a0May\u00a02025"
