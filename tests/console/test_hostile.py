"""Strings from logs that try to become script, in every field of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.report import invented

from stillwatch.cases import accounts, appeals
from stillwatch.cases.actors import CUSTOMER
from stillwatch.cases.decisions import decide_account, decide_case
from stillwatch.cases.models import Account, Signup
from stillwatch.cases.triage import add_note
from stillwatch.standing import Action

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .conftest import Console

pytestmark = pytest.mark.binary("chromium")

NASTY = invented.HOSTILE_IDS[0]


def poison(console: Console) -> str:
    """Put hostile text wherever text can be put; returns a customer's link."""
    (number,) = console.take_in(invented.hostile())
    with console.storage.write(console.actors["ada"]) as unit:
        add_note(unit, NASTY, case_id=number)
        add_note(unit, NASTY, account_id=NASTY)
        decide_case(unit, number, action=Action.THROTTLE, reason=NASTY, notice=NASTY)
        decide_account(unit, NASTY, action=Action.SUSPEND, reason=NASTY, notice=NASTY)
        account = unit.session.get_one(Account, NASTY)
        account.organization_id = account.email_domain = account.plan = NASTY
        link = accounts.link(unit, account)
        unit.session.add(
            Signup(
                reference=NASTY,
                at=unit.now,
                email_domain=NASTY,
                payment=5,
                address_kind="unknown",
                level="phone",
                score=2.0,
                reasons=[NASTY],
            )
        )
    with console.storage.write(CUSTOMER) as unit:
        appeals.file(unit, unit.session.get_one(Account, NASTY), NASTY)
    return link


def test_nothing_from_a_log_runs(console: Console, browser: Browser) -> None:
    link = poison(console)
    context = browser.new_context()
    context.add_cookies(
        [{"name": k, "value": v, "url": console.url} for k, v in console.cookie("root").items()]
    )
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    visited = 0
    for path in (
        "/?view=all",
        "/cases/1",
        "/cases/1/graph",
        "/cases/1/members",
        "/cases/1/decide?action=suspend",
        "/decisions",
        "/decisions/1",
        "/decisions/2",
        "/accounts",
        f"/accounts?email_domain={quote(NASTY)}",
        "/appeals",
        "/appeals/1",
        "/verifications",
        "/signups",
        "/sources",
        "/audit",
        "/people",
        f"/families/{quote('<img src=x onerror=alert(1)>')}/1",
        f"/?done={quote(NASTY)}",
        f"/find?q={quote(NASTY)}",
        f"/login?next={quote(NASTY)}",
        f"/appeal/{link}",
        *(f"/account?id={quote(one, safe='')}" for one in invented.HOSTILE_IDS if len(one) < 1000),
    ):
        answer = page.goto(console.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert page.title() != "owned", path
        assert page.locator("img").count() == 0, path
        assert page.locator("main script").count() == 0, path
        visited += 1
    page.close()
    context.close()
    assert troubles == []
    assert visited > 25
