"""One invented scan, and a browser that nothing reaches but the page."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from . import invented

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from playwright.sync_api import Browser

    from stillwatch.schema import Findings


@pytest.fixture(scope="session")
def rich() -> Findings:
    """Campaigns of every verdict, among them a lone extractor."""
    return invented.rich_findings()


@pytest.fixture(scope="session")
def rich_accounts(rich: Findings) -> pa.Table:
    """The accounts of `rich`, and 3 000 honest ones."""
    return invented.accounts_table(rich)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; tests that use it carry the marker `binary("chromium")`."""
    from playwright.sync_api import sync_playwright

    quiet = (
        "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
        "--disable-sync --disable-quic --no-first-run"
    )
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=quiet.split()
        )
        yield running
        running.close()
