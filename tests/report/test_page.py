from __future__ import annotations

import base64
import hashlib
import itertools
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError, StillwatchError
from stillwatch.report import render_report, write_report
from stillwatch.schema import Verdict

from . import invented

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from stillwatch.schema import Calibrated, Campaign, Findings

VOID = {"meta", "link", "br", "img", "input"}
FETCHES = {"src", "srcset", "action", "formaction", "data", "poster", "background", "ping"}


class Page(HTMLParser):
    """The page as a strict reader sees it; unbalanced tags fail."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def said(self, tag: str) -> str:
        return " ".join(" ".join(self.texts.get(tag, [])).split()).replace("\u202f", " ")


def rendered(findings: Findings, *, clear: int = 200) -> str:
    rejected = invented.REJECTED if findings.summary.rejected else ()
    return render_report(findings, invented.accounts_table(findings, clear), rejected)


def test_accounts_of_one_payer_are_shown_without_a_test_that_nobody_made() -> None:
    agency = replace(invented.campaign(0, 10, Verdict.POOLED), coordination_p=None, e_value=None)
    page = Page(rendered(invented.findings(agency)))
    assert "10 accounts of one payer sent" in page.said("p")
    assert "no test of what they send stands behind it" in page.said("p")
    assert "seen, not tested" in page.said("td")
    assert "could not be judged" not in page.said("p")


NOTHING = invented.findings(
    requests=0, accounts=0, first_seen="", last_seen="", hours=(), timeline=(), verdicts={},
    requests_per_account={}, rejected=0, duplicates=0, sources=(), columns=(), parameters={},
    missing=(),
)  # fmt: skip

CASES = {
    "rich": invented.rich_findings(),
    "nobody": invented.findings(missing=(), rejected=0, duplicates=0),
    "nothing": NOTHING,
    "hostile": invented.findings(
        invented.hostile(),
        sources=tuple((bad, bad) for bad in invented.HOSTILE_IDS),
        calibration=invented.HOSTILE_IDS[1],
        columns=invented.HOSTILE_IDS,
        version=invented.HOSTILE_IDS[2],
        parameters={bad: bad for bad in invented.HOSTILE_IDS},
    ),
}


@pytest.fixture(scope="module", params=CASES)
def html(request: pytest.FixtureRequest) -> str:
    return rendered(CASES[request.param], clear=0 if request.param == "nothing" else 200)


def test_tags_are_balanced_and_ids_unique(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes["aria-labelledby"] for _, attributes in page.tags
             if "aria-labelledby" in attributes}  # fmt: skip
    links = {attributes["href"] for attributes in page.all("a")}
    assert {link.removeprefix("#") for link in links} | named <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_nothing_is_fetched_and_nothing_is_handled_inline(html: str) -> None:
    page = Page(html)
    for tag, attributes in page.tags:
        assert not FETCHES & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    assert page.all("link") == [{"rel": "icon", "href": "data:,"}]
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not re.search(r"@import|url\(", page.said("style"))
    assert not {"iframe", "object", "embed", "form", "base", "img"} & {tag for tag, _ in page.tags}


def test_the_policy_allows_our_script_and_style_and_nothing_else(html: str) -> None:
    page = Page(html)
    (policy,) = (
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    for tag in ("script", "style"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert content
        digest = hashlib.sha256(content[1].encode()).digest()
        assert allowed[f"{tag}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert set(allowed) == {
        "default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"
    }  # fmt: skip


def test_everything_has_a_name_for_a_screen_reader(html: str) -> None:
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("caption")) == len(page.all("table"))
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])
    for box in (tags for tags in page.all("div") if tags.get("tabindex") == "0"):
        assert box["role"] == "region"
        assert box["aria-label"]
    assert all("scope" in header for header in page.all("th"))


def test_headings_go_down_one_step_at_a_time(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    steps = itertools.pairwise(levels)
    assert all(below <= above + 1 for above, below in steps)


def test_the_same_findings_give_the_same_page(html: str) -> None:
    again = [rendered(case, clear=0 if name == "nothing" else 200) for name, case in CASES.items()]
    assert html in again


def test_the_answer_comes_first(rich: Findings) -> None:
    page = Page(rendered(rich))
    assert page.said("h1") == "3 distillation campaigns."
    text = page.said("p")
    assert "412 accounts, 66 002 exchanges" in text
    assert "2 pooled groups and 1 inconclusive group, listed but not accused." in text
    assert "Nothing else is accused." in text
    assert "at most 1 % of the campaigns named" in text


def test_it_is_said_whether_the_error_rate_speaks_of_this_log(rich: Findings) -> None:
    text = Page(rendered(rich)).said("p")
    assert "240 simulated logs of which the truth is known" in text
    assert "in 1 of them, to 2 of 474 240 innocent accounts" in text
    assert "in when they ask they do not, and nobody has measured the rate" in text
    cells = Page(rendered(rich)).said("td")
    assert "1.733" in cells
    assert "1.232 to 1.459" in cells
    assert cells.count("outside") == 1

    said = rich.summary.calibrated
    assert said is not None
    alike = tuple(one for one in said.habits if one.inside)

    def promise(calibrated: Calibrated | None) -> str:
        summary = replace(rich.summary, calibrated=calibrated)
        return Page(rendered(replace(rich, summary=summary))).said("p")

    assert "in all that a scan can measure they do" in promise(replace(said, habits=alike))
    assert "an earlier state of the code" in promise(replace(said, habits=alike, same_code=False))
    assert "at a stricter level" in promise(replace(said, habits=alike, same_level=False))
    assert "nothing about how far this log is like those" in promise(None)


def test_an_empty_result_says_what_it_does_not_mean() -> None:
    page = Page(rendered(CASES["nobody"]))
    assert page.said("h1") == "No distillation campaign found."
    assert "No account is accused." in page.said("p")
    assert "not proof that there is none" in page.said("p")
    assert "Every record was read." in page.said("p")


def test_an_empty_log_is_nothing_to_judge() -> None:
    page = Page(rendered(NOTHING, clear=0))
    assert page.said("h1") == "Nothing to judge."
    assert "No distillation" not in page.said("h1")


def test_every_part_of_a_case_is_shown(rich: Findings, rich_accounts: pa.Table) -> None:
    page = Page(render_report(rich, rich_accounts, invented.REJECTED))
    headings = page.said("h3")
    for part in (
        "How sure",
        "The evidence, strongest first",
        "Concealment",
        "What else it could be",
        "What would change the verdict",
        "Activity against the population",
        "Who shares what with whom",
        "Members",
    ):
        assert part in headings
    first = rich.campaigns[0]
    text = " ".join(page.said(tag) for tag in ("p", "td", "li", "dd", "span", "strong"))
    for sentence in (
        *(fact.text for fact in first.facts),
        *(item.text for item in first.explanations),
        *first.concealment,
        first.would_change,
        *(item.text for item in rich.summary.missing),
    ):
        assert sentence in text
    assert "Without its strongest evidence the verdict would be inconclusive." in text


def test_only_asked_for_prompts_are_shown_and_they_are_shut_away(rich: Findings) -> None:
    page = Page(rendered(rich))
    assert page.texts["pre"] == ["Rate the answer from 1 to 10.\n\nAnswer: four"]
    assert all("open" not in details for details in page.all("details"))
    bare = replace(rich, campaigns=rich.campaigns[:2])
    assert "pre" not in Page(rendered(bare)).texts


def test_hostile_text_is_shown_as_text() -> None:
    html = rendered(CASES["hostile"])
    page = Page(html)
    shown = " ".join(page.texts["bdi"])
    assert "<script>document.title='owned'</script>" in shown
    for name in ("⟨U+202E⟩evil⟨U+202C⟩", "line⟨U+000A⟩break", "⟨empty⟩", "{{ 7 * 7 }}{% raw %}"):
        assert name in shown
    assert "x" * 1_001 not in html
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", html)


def test_a_changed_rejection_file_is_noticed() -> None:
    found = invented.findings(rejected=7)
    html = render_report(found, invented.accounts_table(found, 3), invented.REJECTED)
    assert "the file has been changed or cut since" in html
    assert "changed or cut" not in rendered(invented.findings())


def test_accounts_that_are_not_clear_and_in_no_group_are_listed(rich: Findings) -> None:
    assert "3 accounts in no group are not clear." in Page(rendered(rich)).said("p")


def many() -> tuple[Campaign, ...]:
    large = invented.campaign(1, 25_000, joins=4_000, mean=1_150)
    template = invented.campaign(2, 300, joins=2_000)
    others = [replace(template, campaign_id=f"c-{number}") for number in range(49)]
    return (large, *others)


def test_a_large_result_stays_small_and_quick() -> None:
    found = invented.findings(*many())
    table = invented.accounts_table(found, 10)
    started = time.process_time()
    html = render_report(found, table, invented.REJECTED)
    assert time.process_time() - started < 10
    assert len(html.encode()) < 5_000_000
    assert "of 25\u202f000 accounts; all are in accounts.parquet" in html


def test_groups_beyond_the_bound_are_listed_or_counted() -> None:
    small = invented.campaign(2, 3, Verdict.POOLED)
    found = invented.findings(*(replace(small, campaign_id=f"c-{n}") for n in range(700)))
    page = Page(rendered(found, clear=0))
    assert "The first 500 of 700 groups" in page.said("caption")
    assert "640 more groups are not shown in full; campaigns.json has them." in page.said("p")
    assert sum(tags.get("class") == "group" for tags in page.all("article")) == 60


def test_the_file_is_replaced_in_one_step(rich: Findings, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")
    table = invented.accounts_table(rich, 5)
    write_report(rich, table, (), out)
    assert out.read_text() == render_report(rich, table, ())
    assert list(tmp_path.iterdir()) == [out]


def test_a_report_that_cannot_be_written_is_our_error(rich: Findings, tmp_path: Path) -> None:
    table = invented.accounts_table(rich, 5)
    with pytest.raises(StillwatchError, match="cannot be written"):
        write_report(rich, table, (), tmp_path / "missing" / "report.html")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StillwatchError, match="cannot be written"):
        write_report(rich, table, (), tmp_path / "report.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_table_of_accounts_without_a_column_is_refused(rich: Findings) -> None:
    table = invented.accounts_table(rich, 5).drop_columns(["reasons"])
    with pytest.raises(InputError, match="reasons"):
        render_report(rich, table, ())
