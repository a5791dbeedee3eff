from __future__ import annotations

import re
from typing import Any

import pyarrow.compute as pc
import pytest

from stillwatch.lab import preset
from stillwatch.lab.evaluate.acceptance import acceptance, targets
from stillwatch.lab.evaluate.document import Section, Table, percent
from stillwatch.lab.evaluate.outcome import OURS, Outcome, Windows
from stillwatch.lab.evaluate.plan import WINDOWS
from stillwatch.lab.evaluate.results import RESULTS, results_table
from stillwatch.lab.evaluate.sections import sections
from stillwatch.lab.evaluate.sweeps import ADVERSARY
from stillwatch.lab.evaluate.writers import markdown, page
from stillwatch.lab.windows import SHARES

from .outcomes import outcome

GOOD = [outcome(seed) for seed in range(3)] + [outcome(1000, scenario="honest")]
BAD = [outcome(0, hit=3), outcome(1, wronged=2), outcome(1000, scenario="honest", wronged=1)]


def test_every_target_is_about_groups_of_the_demo_or_a_share_of_a_corpus() -> None:
    groups = set(preset("demo").groups) | {"honest"}
    shares = {f"{share:g}" for share in SHARES}
    for target in targets():
        assert set(target.of) <= (shares if target.measure == "windows" else groups)
        assert (target.at_least is None) != (target.at_most is None)


def test_targets_are_met_missed_or_not_measured() -> None:
    good, bad = acceptance(GOOD), acceptance(BAD)
    found = {one.target.text: one for one in good}
    assert (found["pivot to a new model"].value, found["pivot to a new model"].met) == (1, True)
    assert found["honest accounts accused, all groups"].met
    assert found["null logs with any campaign, at the 1 % level"].met
    assert (found["loud hydra"].value, found["loud hydra"].met) == (None, None)
    found = {one.target.text: one for one in bad}
    assert found["pivot to a new model"].value == pytest.approx(13 / 20)
    assert found["pivot to a new model"].met is False
    assert found["honest accounts accused, all groups"].value == 2
    assert found["honest accounts accused, all groups"].basis == "100 accounts, 2 runs"
    assert found["null logs with any campaign, at the 1 % level"].value == 1


def test_windows_count_by_their_share_of_a_corpus() -> None:
    called = {0.0: 1, 0.05: 60, 0.25: 99}
    rows = tuple(Windows(share=s, windows=100, called=n) for s, n in called.items())
    nothing: dict[str, Any] = dict.fromkeys(("groups", "campaigns", "found", "tested"), ())
    seeds = [outcome(seed, scenario=WINDOWS, windows=rows, **nothing) for seed in range(2)]
    found = cells(section("Targets", GOOD + seeds))
    assert found["windows of 1,500 people's queries called an extraction"] == (
        "at most 0.003", "0.01", "NOT REACHED", "200 windows, 2 seeds",
    )  # fmt: skip
    assert found["the same with 5 % of a corpus"][1:3] == ("0.600", "NOT REACHED")
    assert found["with 10 %"][2] == "not measured"
    assert found["with 25 %"][1:3] == ("0.990", "NOT REACHED")
    assert found["pivot to a new model"][1] == "1.000"
    assert WINDOWS not in cells(section("Who is found", GOOD + seeds))


def test_ablations_and_sweeps_do_not_count_for_the_targets() -> None:
    others = [
        outcome(0, hit=0, ablation="text"),
        outcome(0, hit=0, scenario="sweep hours", knob="hours", value="flat"),
    ]
    found = {one.target.text: one for one in acceptance(GOOD + others)}
    assert found["pivot to a new model"].value == 1


def cells(section: Section) -> dict[str, tuple[str, ...]]:
    assert section.table is not None
    return {row[0]: row[1:] for row in section.table.rows}


def section(title: str, outcomes: list[Outcome]) -> Section:
    (found,) = (one for one in sections(outcomes) if one.title == title)
    return found


def test_misses_and_the_wronged_are_shown() -> None:
    assert cells(section("Targets", BAD))["pivot to a new model"][1:3] == ("0.650", "NOT REACHED")
    assert cells(section("Who is found", BAD))["pivot"][:2] == ("20", "65.0 %")
    assert cells(section("Who is wronged", BAD))["individuals"][-2:] == ("2", "1 of 2")
    null = cells(section("Null runs", BAD))
    assert null["with any campaign"] == ("1",)
    assert null["seeds of wrong runs"] == ("1000",)
    assert cells(section("How pure the campaigns are", BAD))[
        "of them with an innocent account"
    ] == ("1",)


def test_methods_stand_beside_each_other() -> None:
    rows = cells(section("Beside other methods", BAD))
    assert rows["pivot"] == ("found", "65.0 %", "10.0 %")
    assert rows["individuals"] == ("wronged", "2.0 %", "6.0 %")
    assert rows["precision of accounts"] == ("", percent(13 / 15), "25.0 %")


def test_calibration_counts_honest_groups() -> None:
    many = [outcome(n, p=(0.004, 0.2, 0.9, 0.95)) for n in range(2)]
    rows = cells(section("P-values of honest groups", many))
    assert (rows["0.001"], rows["0.01"], rows["0.5"]) == (("0 %",), ("25.0 %",), ("50.0 %",))
    empty = section("P-values of honest groups", [outcome(0, p=())])
    assert "No honest group was tested" in empty.text


def test_realised_rate_is_the_mean_over_runs() -> None:
    rows = cells(section("Nominal and realised false discovery rate", BAD))
    # coordinated falsely 0/2, 1/2, 1/2; accused falsely 0/1, 1/1, 1/1
    assert rows["0.01"] == ("0.3333", "0.6667", "3", "1 of 1")


def test_an_ablation_has_its_column() -> None:
    rows = cells(section("With less evidence", [outcome(0), outcome(0, hit=4, ablation="text")]))
    assert rows["pivot"] == ("100 %", "40.0 %")
    assert rows["innocent accounts accused"] == ("0", "0")


def test_a_sweep_is_a_curve_in_the_order_of_its_values() -> None:
    swept = [
        outcome(seed, hit=hit, group=ADVERSARY, scenario="sweep hours", knob="hours", value=value)
        for seed in range(2)
        for value, hit in (("human", 2), ("flat", 10))
    ]
    found = section("Hours: flat around the clock, or a person's", swept)
    assert found.table is not None
    assert [row[:2] for row in found.table.rows] == [("flat", "100 %"), ("human", "20.0 %")]
    assert found.figure is not None
    assert found.figure.ticks == ("flat", "human")
    assert 'aria-label="flat: 100 %, human: 20.0 %"' in found.figure.svg


def test_results_are_one_row_a_cell_method_and_group() -> None:
    table = results_table(BAD)
    assert table.schema == RESULTS
    assert len(table) == 2 * 2 * 2 + 2
    ours = table.filter(pc.equal(table["method"], OURS))
    assert pc.sum(ours["accused"]).as_py() == 3 + 10 + 2 + 1
    assert set(ours["seconds"].to_pylist()) == {2.0}


def test_markdown_tables_are_whole() -> None:
    text = markdown("Title", "Basis.", [*sections(BAD), Section("A | b", "t", TRICKY)])
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert len(blocks) >= 8
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1


TRICKY = Table.of(("x", "y"), [("<b>|</b>", "1\n2")])


def test_the_page_loads_nothing_and_escapes_everything() -> None:
    text = page("Title", "Basis & more", [*sections(BAD), Section("<script>", "t", TRICKY)])
    assert "<script" not in text
    assert "&lt;b&gt;|&lt;/b&gt;" in text
    assert "Basis &amp; more" in text
    assert not re.findall(r"(?:https?:)?//[a-z]", text.replace("http://www.w3.org/2000/svg", ""))
    assert 'class=" miss">NOT REACHED<' in text
    assert len(re.findall(r"<section ", text)) == len(re.findall(r'<li><a href="#s', text))
