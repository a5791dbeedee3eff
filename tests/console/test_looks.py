"""Dark and light to read, and every action by the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests import invented_scan

from stillwatch.cases.decisions import decide_account
from stillwatch.standing import Action

from .conftest import running
from .test_life import Person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from .conftest import Console

pytestmark = pytest.mark.binary("chromium")

LEAST_CONTRAST = 4.5
LEAST_CONTRAST_OF_FOCUS = 3.0
ACCOUNTS = tuple(f"acct_{number:04x}" for number in range(60))
HEAD = 77
PAGES = (
    "/", "/cases/1", "/cases/1/decide?action=suspend", f"/account?id={ACCOUNTS[0]}", "/decisions",
    "/decisions/1", "/appeals", "/verifications", "/accounts", "/signups", "/policy", "/sources",
    "/audit", "/people", "/nowhere", f"/families/head8_key/{HEAD}", "/decisions?done=Said.",
)  # fmt: skip

COLOURS = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function rgba(text) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}
const over = (top, under) =>
  [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
function background(element) {
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    layers.push(rgba(getComputedStyle(one).backgroundColor));
  }
  return layers.reverse().reduce((under, top) => over(top, under), rgba("Canvas"));
}
function luminance(colour) {
  const [r, g, b] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(text, element, under = background(element)) {
  const [light, dark] = [over(rgba(text), under), under].map(luminance).sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}
"""

TEXTS = """
() => {
  COLOURS
  const found = [];
  const add = (element, colour, text) => found.push({
    ratio: contrast(colour, element), text: text.trim().slice(0, 40),
    where: `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className}`,
  });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    add(element, element instanceof SVGElement ? style.fill : style.color,
        walker.currentNode.data);
  }
  for (const field of document.querySelectorAll("input, select, textarea")) {
    if (!field.checkVisibility()) continue;
    add(field, getComputedStyle(field).color, field.value || "a value");
    if (field.placeholder) {
      add(field, getComputedStyle(field, "::placeholder").color, field.placeholder);
    }
  }
  return found;
}
"""

MARK = """
() => {
  const able = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const found = [...document.querySelectorAll(able)].filter(
    (one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0 && one.type !== "hidden");
  found.forEach((one, number) => { one.dataset.place = number; });
  return found.map((one) => one.outerHTML.slice(0, 90));
}
"""

FOCUSED = """
() => {
  COLOURS
  const one = document.activeElement;
  if (one === document.body) return null;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return {
    place: Number(one.dataset.place), inside: one.closest("main") !== null,
    text: one.outerHTML.slice(0, 90),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: contrast(style.outlineColor, one.parentElement),
    seen: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight,
  };
}
"""


@dataclass(frozen=True)
class Looked:
    """A console with a case, and somebody who may do everything in it."""

    console: Console
    browser: Browser

    def page(self, scheme: str) -> Page:
        """A page of the administrator's."""
        person = Person(
            self.browser, self.console, "root", color_scheme=scheme, reduced_motion="reduce"
        )
        return person.log_in().page


@pytest.fixture(scope="module")
def looked(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    with running(tmp_path_factory.mktemp("looks")) as console:
        console.take_in(
            invented_scan.campaign("c-8f21", ACCOUNTS),
            invented_scan.campaign("c-17aa", tuple(f"b_{n}" for n in range(9))),
            families=dict.fromkeys(ACCOUNTS, HEAD),
        )
        with console.storage.write(console.actors["ada"]) as unit:
            decide_account(unit, "b_0", action=Action.RESTRICT, reason="One queue over nine.")
        yield Looked(console, browser)


def texts(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(TEXTS.replace("COLOURS", COLOURS))
    return found


def focused(page: Page) -> dict[str, Any] | None:
    """What has the focus, in view where it can be; None where nothing has it.

    A busy browser forgets now and then to scroll to what got the focus, so it is asked again:
    what has no size or lies off the page stays unseen all the same.
    """
    page.evaluate("document.activeElement.scrollIntoView({block: 'nearest'})")
    found: dict[str, Any] | None = page.evaluate(FOCUSED.replace("COLOURS", COLOURS))
    return found


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_text_can_be_read(looked: Looked, scheme: str) -> None:
    page, pale = looked.page(scheme), []
    for path in PAGES:
        page.goto(looked.console.url + path)
        found = texts(page)
        assert len(found) > 3, path
        pale += [(path, one) for one in found if one["ratio"] < LEAST_CONTRAST]
    page.context.close()
    assert pale == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(looked: Looked, width: int) -> None:
    page, wide = looked.page("light"), []
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.goto(looked.console.url + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    page.context.close()
    assert wide == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_action_of_a_case_is_reached_by_the_keyboard(looked: Looked, scheme: str) -> None:
    page = looked.page(scheme)
    page.goto(f"{looked.console.url}/cases/1")
    page.locator("#together-title").scroll_into_view_if_needed()
    page.locator("#together svg.graph").wait_for()
    page.evaluate("scrollTo(0, 0)")
    able: list[str] = page.evaluate(MARK)
    assert sum("decide?action=" in one for one in able) >= 4
    order: list[dict[str, Any]] = []
    for _ in range(len(able) + 1):
        page.keyboard.press("Tab")
        found = focused(page)
        if found is None or (order and found["place"] == order[0]["place"]):
            break
        order.append(found)
    page.context.close()
    reached = {one["place"] for one in order}
    assert [text for place, text in enumerate(able) if place not in reached] == []
    hidden = [
        one
        for one in order
        if not one["seen"] or one["outline"] < 2 or one["contrast"] < LEAST_CONTRAST_OF_FOCUS
    ]
    assert hidden == []


def test_the_first_tab_skips_to_the_content(looked: Looked) -> None:
    page = looked.page("dark")
    page.goto(f"{looked.console.url}/cases/1")
    page.keyboard.press("Tab")
    first = focused(page)
    assert first is not None
    assert "Skip to the content" in first["text"]
    assert first["seen"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    second = focused(page)
    assert second is not None
    assert second["inside"]
    page.context.close()


def test_a_customers_page_can_be_read_in_the_dark(looked: Looked) -> None:
    from stillwatch.cases.publish import snapshot

    with looked.console.storage.read() as session:
        link = next(
            one.link for one in snapshot(session, looked.console.storage).standings if one.link
        )
    page = looked.browser.new_context(color_scheme="dark").new_page()
    for path in (f"/appeal/{link}", "/login"):
        page.goto(looked.console.url + path)
        pale = [one for one in texts(page) if one["ratio"] < LEAST_CONTRAST]
        assert pale == []
    page.context.close()
