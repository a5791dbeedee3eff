"""The page as Chromium sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stillwatch.report import write_report

from . import invented

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from stillwatch.schema import Findings

pytestmark = pytest.mark.binary("chromium")

CASES: dict[str, Callable[[], Findings]] = {
    "rich": invented.rich_findings,
    "hostile": lambda: invented.findings(
        invented.hostile(),
        sources=tuple((bad, bad) for bad in invented.HOSTILE_IDS),
        calibration=invented.HOSTILE_IDS[1],
    ),
    "nobody": lambda: invented.findings(missing=(), rejected=0),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    written = {}
    for name, make in CASES.items():
        found = make()
        written[name] = folder / f"{name}.html"
        rejected = invented.REJECTED if found.summary.rejected else ()
        write_report(found, invented.accounts_table(found, 300), rejected, written[name])
    return written


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """Open a report; complaints of the page and requests beyond the file itself fail the test."""
    troubles: list[str] = []
    pages: list[Page] = []

    def open_(name: str, *, width: int = 1280, scheme: str = "light") -> Page:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
        pages.append(page)
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: troubles.append(request.url)
                if request.url not in (reports[name].as_uri(), "data:,") else None)  # fmt: skip
        page.goto(reports[name].as_uri())
        return page

    yield open_
    for page in pages:
        page.close()
    assert troubles == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_down_only(opened: Callable[..., Page], name: str, scheme: str) -> None:
    page = opened(name, width=360, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_no_text_from_the_log_runs(opened: Callable[..., Page]) -> None:
    page = opened("hostile")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.title() == "Stillwatch: 1 distillation campaign."
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert page.locator(".members th bdi").first.inner_text() == invented.HOSTILE_IDS[0]


def test_scripts_that_get_in_all_the_same_are_blocked(
    browser: Browser, reports: dict[str, Path], tmp_path: Path
) -> None:
    """The policy holds where escaping would fail."""
    broken = tmp_path / "broken.html"
    broken.write_text(
        reports["nobody"].read_text().replace(
            '<main id="main">',
            "<main><script>document.title='owned'</script><img src='x' onerror='alert(1)'>",
        )
    )  # fmt: skip
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(broken.as_uri())
    assert page.title() == "Stillwatch: No distillation campaign found."
    assert any("Content Security Policy" in text for text in refused)
    page.close()


def test_members_are_sorted_by_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("rich")
    table = page.locator(".members").first
    numbers = "[...document.querySelectorAll('.members')[0].querySelectorAll('tbody tr')].map(" \
              "row => Number(row.cells[1].dataset.value))"  # fmt: skip
    before = page.evaluate(numbers)
    button = table.get_by_role("button", name="In the stream")
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(numbers) == sorted(before)
    assert table.locator("th[aria-sort=ascending]").count() == 1
    page.keyboard.press("Enter")
    assert page.evaluate(numbers) == sorted(before, reverse=True)
    assert table.locator("th[aria-sort=descending]").count() == 1


def test_members_are_filtered_and_the_count_is_said(opened: Callable[..., Page]) -> None:
    page = opened("rich")
    table = page.locator(".members").first
    table.get_by_role("searchbox", name="Filter").fill("ACCT-100000")
    assert table.locator("tbody tr:visible").count() == 1
    assert table.locator("output").inner_text() == "1 of 200 rows"
    table.get_by_role("searchbox", name="Filter").fill("")
    assert table.locator("tbody tr:visible").count() == 200


def test_without_scripts_the_page_is_whole(browser: Browser, reports: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["rich"].as_uri())
    assert page.locator(".tools:visible").count() == 0
    assert page.locator(".members").first.locator("tbody tr").count() == 200
    context.close()


def test_it_prints(opened: Callable[..., Page]) -> None:
    page = opened("rich")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert 5 < printed.count(b"/Type /Page\n") < 40
    page.emulate_media(media="print")
    assert page.locator("nav:visible").count() == 0
    assert page.locator(".graph").first.is_visible()
    assert page.locator(".members").first.locator("tbody tr:visible").count() == 25


def test_dots_and_numbers_of_the_graph_do_not_cover_each_other(
    opened: Callable[..., Page],
) -> None:
    page = opened("rich")
    overlaps = page.evaluate(
        """() => {
          const dots = [...document.querySelector('.graph').querySelectorAll('circle')].map(
            dot => ['cx', 'cy', 'r'].map(name => Number(dot.getAttribute(name))));
          let found = 0;
          dots.forEach(([x, y, r], i) => dots.slice(i + 1).forEach(([a, b, s]) => {
            if (Math.hypot(x - a, y - b) < r + s - 1) found += 1;
          }));
          return found;
        }"""
    )
    assert overlaps == 0
