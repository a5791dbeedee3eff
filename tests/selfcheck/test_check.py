from __future__ import annotations

import re
import tempfile
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.lab.registry import KINDS
from stillwatch.report.wording import about, count, percent
from stillwatch.selfcheck import friction, selfcheck
from stillwatch.selfcheck.page import render_page
from stillwatch.selfcheck.terms import Terms, compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stillwatch.selfcheck import Check

HONEST = {
    "individuals": ("people", set()),
    "carrier_nat": ("people", set()),
    "viral_prompt": ("people", set()),
    "popular_app": ("application", {"shared_program"}),
    "pinned_app": ("application", {"shared_program"}),
    "byo_key_product": ("application", {"shared_program"}),
    "freelancers": ("application", {"shared_program"}),
    "enterprise": ("application", {"shared_program"}),
    "hackathon": ("application", {"shared_program"}),
    "university_class": ("shared exercise", {"same_items"}),
    "batch_labelling": ("batch job", {"round_the_clock"}),
    "batch_long": ("batch job", {"harvest_shape", "round_the_clock"}),
    "benchmark_labs": ("benchmark", {"harvest_shape", "benchmark"}),
    "sharded_company": (
        "one queue over several accounts",
        {"harvest_shape", "one_queue", "round_the_clock", "shared_network"},
    ),
    "agency": ("people", {"shared_network"}),
    "platform": ("platform", set()),
    "resale_pool": ("pooled access", {"moving_conversations", "shared_network"}),
}
"""What each honest kind of the lab reads like, and what it must be warned of."""

CAMPAIGNS = ("harvest", "small_graders", "conversations")


def texts(check: Check) -> list[str]:
    said = [check.reading.text, *(s.text for s in check.statements)]
    return said + [t for f in check.frictions for t in (f.why, *f.declare)]


def test_every_honest_kind_of_the_lab_is_spoken_of() -> None:
    assert set(HONEST) == {name for name, kind in KINDS.items() if kind.guilt != "campaign"}


@pytest.mark.parametrize("kind", HONEST)
def test_honest_group_gets_a_correct_account(check_of: Callable[[str], Check], kind: str) -> None:
    check = check_of(kind)
    reads, warned = HONEST[kind]
    assert check.reading.topic == reads
    named = {f.name for f in check.frictions}
    assert named >= warned
    # nothing that raises a question by itself is said without a cause
    assert {f.name for f in check.frictions if f.alone} <= warned
    assert all(f.declare for f in check.frictions)


@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_campaign_is_told_what_it_looks_like_and_not_how_to_pass(
    check_of: Callable[[str], Check], kind: str
) -> None:
    check = check_of(kind)
    assert "harvest_shape" in {f.name for f in check.frictions}
    assert check.terms is not None
    assert {f.use for f in check.terms.findings} >= {"training", "competing"}


def test_no_advice_holds_a_number_or_a_way_to_hide() -> None:
    advised = [entry for _, entry in friction._CATALOGUE]
    assert len({f.name for f in advised}) == len(advised)
    forbidden = re.compile(
        r"\d|\b(vary|varied|random\w*|delay\w*|slower|jitter|rotate|mix|fewer|less than|more than|"
        r"at most|at least|below|above|threshold|paraphras\w*|per cent|hundred|half)\b",
        re.IGNORECASE,
    )
    for f in advised:
        for text in (f.why, *f.declare):
            assert not forbidden.search(text), text


@pytest.mark.parametrize("kind", [*CAMPAIGNS, "sharded_company", "resale_pool"])
def test_every_number_that_is_said_is_the_logs_own(
    check_of: Callable[[str], Check], kind: str
) -> None:
    """No bound of ours or of the detector is said: every number follows from what was measured."""
    check = check_of(kind)
    days = {check.traits.first_seen, check.traits.last_seen}
    known = {str(part) for day in days for part in (day.day, day.year)} | {count(len(days))}
    for field in fields(check.traits):
        # what the test of common control rests on is said in words only
        if field.name not in {"told_apart", "subjects"}:
            known |= forms(getattr(check.traits, field.name))
    known |= forms(check.traits.days) | {n for name in check.traits.models for n in numbers(name)}
    said = {n for text in texts(check) for n in numbers(text)}
    assert said
    assert said <= known


def forms(value: Any) -> set[str]:
    """The ways in which a measured value may be written."""
    if isinstance(value, dict):
        return set().union(*(forms(one) for one in value.values()))
    if not isinstance(value, int | float):
        return set()
    shown = (about(value), count(value), percent(value), percent(1 - value))
    return {n for text in shown for n in numbers(text)}


def numbers(text: str) -> list[str]:
    return re.findall(r"\d(?:[\d\u202f.]*\d)?", text)


def test_nothing_is_left_behind(
    log_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of("agency")
    monkeypatch.delenv("STILLWATCH_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(log.parent.iterdir())
    selfcheck([log])
    assert set(log.parent.iterdir()) == before
    assert not list(tmp_path.iterdir())


def test_the_same_log_and_key_give_the_same_page(
    log_of: Callable[[str], Path], check_of: Callable[[str], Check]
) -> None:
    again = selfcheck([log_of("agency")], terms="strict")
    assert render_page(again) == render_page(check_of("agency"))


def test_page_shows_hostile_names_as_text(check_of: Callable[[str], Check]) -> None:
    hostile = compare(Terms(title="<script>alert(1)</script>"), ["training"], {})
    page = render_page(replace(check_of("agency"), terms=hostile))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_little_is_said_of_a_short_log(log_of: Callable[[str], Path], tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(log_of("harvest").read_text().splitlines()[:5]))
    check = selfcheck([few], terms="strict")
    assert check.reading.topic == "too little to tell"
    assert [s.topic for s in check.statements] == ["volume"]
    assert check.frictions == ()
    assert check.terms is not None
    assert check.terms.findings == ()
    assert "No use was declared" in render_page(check)


def test_uses_need_terms_and_an_empty_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--terms"):
        selfcheck([tmp_path / "x"], uses=["training"])
    empty = tmp_path / "log.jsonl"
    empty.write_text("")
    with pytest.raises(InputError):
        selfcheck([empty])
