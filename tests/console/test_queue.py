"""The triage queue: which cases it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
from sqlalchemy import text
from tests import invented_scan

if TYPE_CHECKING:
    from stillwatch.schema import Campaign

    from .conftest import Console

HOSTILE = "<b>gpt</b>\x00&hour=3"


def campaign(name: str, model: str, hour: int, capability: str) -> Campaign:
    made = invented_scan.campaign(f"c-{name}", [f"{name}_{number}" for number in range(4)])
    hours = tuple(0.5 if at == hour else 0.5 / 23 for at in range(24))
    return replace(
        made, models={model: 0.7, "large": 0.3}, hours=hours, capabilities={capability: 1.0}
    )


def shown(console: Console, path: str) -> list[str]:
    """Which of the cases, by what they aim at, a list shows."""
    found = httpx2.get(console.url + path, cookies=console.cookie("vera"))
    assert found.status_code == 200
    return [name for name in ("one", "two") if f">C-{NUMBERS[name]}<" in found.text]


NUMBERS: dict[str, int] = {}


def test_cases_are_looked_up_by_model_capability_and_hour(console: Console) -> None:
    found = console.take_in(
        campaign("one", HOSTILE, 3, "coding"), campaign("two", "small", 14, "grading")
    )
    NUMBERS.update(zip(("one", "two"), found, strict=True))
    assert shown(console, "/?view=all") == ["one", "two"]
    assert shown(console, "/?view=all&model=large") == ["one", "two"]
    assert shown(console, "/?view=all&model=small") == ["two"]
    assert shown(console, "/?view=all&capability=coding") == ["one"]
    assert shown(console, "/?view=all&capability=grading&hour=14") == ["two"]
    assert shown(console, "/?view=all&capability=coding&hour=14") == []
    assert shown(console, "/?view=all&hour=3") == ["one"]
    assert shown(console, "/?view=all&hour=nonsense") == []
    page = httpx2.get(f"{console.url}/cases/{found[0]}", cookies=console.cookie("vera")).text
    links = ("model=%3Cb%3Egpt%3C/b%3E%00%26hour%3D3", "hour=3", "capability=coding")
    for link in links:
        assert f'href="/?view=all&amp;{link}"' in page
        assert shown(console, f"/?view=all&{link}") == ["one"]


def test_an_older_database_gets_the_pivots_of_its_cases(console: Console) -> None:
    (number,) = console.take_in(campaign("one", HOSTILE, 3, "coding"))
    query = text("select kind, value, share from case_shares where case_id = :case order by 1, 2")
    with console.storage.engine.begin() as connection:
        before = connection.execute(query, {"case": number}).all()
        connection.execute(text("drop table case_shares"))
        connection.execute(text("update alembic_version set version_num = '0001'"))
    console.storage.migrate()
    with console.storage.read() as session:
        assert session.execute(query, {"case": number}).all() == before
    assert len(before) == 24 + 2 + 1
