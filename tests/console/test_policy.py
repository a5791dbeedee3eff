"""The policy preview in the browser: whom a policy would have affected on past data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest
from tests import invented_scan

from .conftest import running
from .test_life import Person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from .conftest import Console

MEMBERS = ("a0", "a1", "a2")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """A console that knows a log: five requests of each member and of one stranger."""
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "log.jsonl").open("w", encoding="utf-8") as file:
        for number in range(5):
            for account in (*MEMBERS, "stranger"):
                row = {
                    "request_id": f"{account}-{number}",
                    "timestamp": (BEGIN + timedelta(minutes=number)).isoformat(),
                    "account_id": account,
                    "model": "m",
                    "prompt": f"What is {number} in words?",
                }
                file.write(json.dumps(row) + "\n")
    with running(tmp_path, logs=("log.jsonl",)) as made:
        made.take_in(invented_scan.campaign("c-1", MEMBERS))
        yield made


@pytest.mark.binary("chromium")
def test_a_policy_is_previewed_and_nothing_is_put_in_force(
    console: Console, browser: Browser
) -> None:
    ada = Person(browser, console, "ada").log_in()
    ada.page.get_by_role("link", name="Policy").click()
    text = ada.page.get_by_label("Policy file (TOML)")
    text.fill('[limits.account]\nrequests = "4/1h"\n')
    ada.press("Preview")
    rows = ada.page.get_by_role("table").locator("tbody tr")
    rows.first.wait_for(timeout=60_000)
    found = {cells[0]: cells[1:] for row in rows.all() if (cells := row.inner_text().split())}
    assert found["throttle"] == ["4", "4", "1", "1"]  # the fifth request of each
    assert found["restrict"] == ["3", "12", "0", "0"]  # as the policy sentences distillation
    assert text.input_value() == '[limits.account]\nrequests = "4/1h"\n'
    assert found["suspend"] == ["0", "0", "0", "0"]
    ada.picture("policy", full=True)
    with console.storage.read() as session:
        from stillwatch.cases.publish import snapshot

        now = snapshot(session, console.storage)
    assert {one.action for one in now.standings} == {"allow"}

    text.fill('mode = "enforce"\n[limits.account]\nrequests = "many"\n')
    ada.press("Preview")
    alert = ada.page.get_by_role("alert")
    alert.wait_for(timeout=60_000)
    assert alert.inner_text().startswith("policy.toml:3")
    assert ada.troubles == []
    ada.page.context.close()


def test_a_viewer_looks_and_does_not_start(console: Console) -> None:
    with httpx2.Client(base_url=console.url, cookies=console.cookie("vera")) as vera:
        found = vera.get("/policy")
        assert "log.jsonl" in found.text
        assert "<textarea" not in found.text
        token = {"x-csrftoken": vera.cookies["stillwatch-csrf"]}
        refused = vera.post("/policy", data={"text": "mode = 'shadow'"}, headers=token)
    assert refused.status_code == 403
    assert "preview by" not in refused.text


def test_without_past_data_the_page_says_what_to_do(tmp_path: Path) -> None:
    with (
        running(tmp_path) as console,
        httpx2.Client(base_url=console.url, cookies=console.cookie("ada")) as ada,
    ):
        assert "There is no past data here" in ada.get("/policy").text
        token = {"x-csrftoken": ada.cookies["stillwatch-csrf"]}
        refused = ada.post("/policy", data={"text": "mode = 'shadow'"}, headers=token)
        assert refused.status_code == 422
