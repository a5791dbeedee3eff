"""`stillwatch serve` in a folder where a demo ran, or did not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import invented_scan
from tests.serving.servers import call, stillwatch

from .conftest import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.binary("chromium")
def test_serve_shows_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    monkeypatch.chdir(tmp_path)
    campaigns = (invented_scan.campaign(f"c-{n}", (f"a{n}", f"b{n}")) for n in range(3))
    _, accounts = invented_scan.write(Path("demo/scan"), *campaigns)
    Path("demo/provider").mkdir()
    accounts.rename("demo/provider/accounts.jsonl")
    with stillwatch(tmp_path):
        pass  # a second start finds the cases in the database and adds none
    with stillwatch(tmp_path):
        said = (tmp_path / "serve.log").read_text(encoding="utf-8")
        page = browser.new_page()
        page.goto(re.findall(r"first administrator: (\S+)", said)[-1])
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Save and log in").click()
        page.get_by_role("heading", name="Cases").wait_for()
        assert page.get_by_role("link", name=re.compile(r"^C-\d")).count() == 3
        page.context.close()


def test_serve_without_a_demo_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with stillwatch(tmp_path) as (port, _):
        assert call(port, "/healthz").json["status"] == "ok"
        assert call(port, "/").status == 404
    said = (tmp_path / "serve.log").read_text(encoding="utf-8")
    assert "no console: run `stillwatch demo` first" in said
