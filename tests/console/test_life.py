"""The whole life of a case in the browser: found, reviewed, approved, suspended, appealed,
verified, restored. STILLWATCH_SCREENSHOTS names a folder for pictures of the way there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from sqlalchemy import select
from tests import invented_scan

from stillwatch.cases import webhooks
from stillwatch.cases.models import Account, StepUp
from stillwatch.standing import Action, load_snapshot

from .conftest import PASSWORD, WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from .conftest import Console

pytestmark = pytest.mark.binary("chromium")

ACCOUNTS = tuple(f"acct_{number:04x}" for number in range(40))
ONE = ACCOUNTS[0]
FOLDER = os.environ.get("STILLWATCH_SCREENSHOTS")


class Person:
    """Somebody at a browser of their own; complaints of a page fail the test."""

    def __init__(self, browser: Browser, console: Console, name: str, **look: str) -> None:
        self.troubles: list[str] = []
        context = browser.new_context(viewport={"width": 1360, "height": 900}, **look)  # type: ignore[arg-type]
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.url, self.name = console.url, name

    def log_in(self) -> Person:
        self.page.goto(self.url)
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("heading", name="Cases").wait_for()
        return self

    def picture(self, name: str, *, full: bool = False) -> None:
        if FOLDER:
            Path(FOLDER).mkdir(parents=True, exist_ok=True)
            path = Path(FOLDER) / f"{name}.png"
            self.page.screenshot(path=path, full_page=full, caret="initial")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()


@pytest.fixture
def people(browser: Browser, console: Console) -> Iterator[dict[str, Person]]:
    found = {name: Person(browser, console, name) for name in ("ada", "bob", "ida", "customer")}
    yield found
    troubles = {name: person.troubles for name, person in found.items() if person.troubles}
    for person in found.values():
        person.page.context.close()
    assert troubles == {}


def wait_for(console: Console, action: Action | None) -> None:
    """Until the snapshot says so: within seconds, by the promise."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if console.snapshot.exists():
            found = {one.account_id: one for one in load_snapshot(console.snapshot).standings}
            if found[ONE].action is (action or Action.ALLOW):
                return
        time.sleep(0.1)
    pytest.fail(f"{action} did not get into the snapshot")


def test_the_life_of_a_case(console: Console, people: dict[str, Person]) -> None:  # noqa: PLR0915
    console.take_in(
        invented_scan.campaign("c-8f21", ACCOUNTS),
        invented_scan.campaign("c-17aa", tuple(f"b_{n}" for n in range(9))),
    )
    ada, bob, ida, customer = (people[name] for name in ("ada", "bob", "ida", "customer"))

    ada.log_in()
    ada.picture("queue")
    ada.page.get_by_role("link", name="C-1", exact=True).click()
    ada.press("I take it")
    assert ada.page.get_by_role("status").first.inner_text() == "Assigned."
    ada.page.get_by_label("Add a note").fill("Looked at ten members: no conversation of their own.")
    ada.press("Save the note")
    ada.picture("case")
    ada.page.get_by_label("Account begins with").fill("acct_000")
    ada.page.get_by_text("16 accounts, 1 to 16 shown").wait_for()
    ada.page.get_by_role("link", name="Suspend…").click()
    assert ada.page.get_by_role("heading", level=1).inner_text() == "Suspend 40 accounts?"
    ada.page.get_by_label("Reason").fill("One queue over forty accounts, nothing of their own.")
    ada.picture("preview")
    ada.press("Propose for 40 accounts")
    ada.page.get_by_text("awaiting approval").first.wait_for()

    bob.log_in()
    bob.page.get_by_role("link", name="look at it").click()
    bob.page.get_by_role("link", name="D-1", exact=True).click()
    bob.picture("approval")
    bob.press("Approve: suspend 40 accounts")
    wait_for(console, Action.SUSPEND)
    bob.page.goto(f"{console.url}/account?id={ONE}")
    bob.picture("account")

    link = next(
        one.link for one in load_snapshot(console.snapshot).standings if one.account_id == ONE
    )
    customer.page.goto(f"{console.url}/appeal/{link}")
    assert (
        customer.page.get_by_role("heading", level=1).inner_text() == "This account is suspended."
    )
    customer.page.get_by_label("What we should know").fill(
        "We are a school with forty pupils. They all got the same exercise."
    )
    customer.picture("customer")
    customer.press("Send the appeal")
    customer.page.get_by_text("Being looked at").wait_for()

    ida.log_in()
    ida.page.get_by_role("link", name="Appeals").click()
    ida.page.get_by_role("link", name="A-1", exact=True).click()
    ida.picture("appeal")
    ida.press("Offer verification")
    customer.page.reload()
    customer.page.get_by_role("link", name="verify the account").click()
    customer.page.get_by_text("a confirmed payment method").wait_for()
    report(console, customer.page.url.rpartition("/")[2])
    wait_for(console, None)
    customer.page.goto(f"{console.url}/appeal/{link}")
    customer.page.get_by_text("We agree with you.").wait_for()
    customer.picture("restored")

    with console.storage.read() as session:
        actions = dict(session.execute(select(Account.account_id, Account.action)).all())
    assert actions[ONE] == "allow"
    assert {actions[name] for name in ACCOUNTS[1:]} == {"suspend"}
    ida.page.goto(f"{console.url}/audit/check")
    ida.page.get_by_text("The chain holds").wait_for()


def report(console: Console, request: str) -> None:
    """What the vendor's server sends."""
    body = json.dumps({"request": request, "outcome": "passed", "evidence": "card check"}).encode()
    stamp = int(time.time())
    headers = {
        "webhook-id": "msg_life",
        "webhook-timestamp": str(stamp),
        "webhook-signature": webhooks.sign(WEBHOOK_SECRET, "msg_life", stamp, body),
    }
    answer = httpx2.post(f"{console.url}/v1/verification/webhook", content=body, headers=headers)
    assert answer.json() == {"duplicate": False, "state": "passed"}
    with console.storage.read() as session:
        assert session.execute(select(StepUp.state)).scalar_one() == "passed"
