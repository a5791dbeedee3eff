from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.incident.document import ActionTaken, incident, read_actions
from stillwatch.evidence.incident.economics import economics, load_assumptions
from stillwatch.evidence.incident.page import render_html, render_pdf
from stillwatch.evidence.incident.write import Options, write_incident
from stillwatch.schema import Verdict

from ..scanned import Scanned, registrar

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.evidence.incident.document import Incident
    from stillwatch.schema import Campaign

AT = "2026-11-24T12:00:00Z"


def report(scan_folder: Scanned, campaign: Campaign | None = None, **changes: object) -> Incident:
    given: dict[str, object] = {
        "provider": "Example, Inc.",
        "name": "k-0123456789ab",
        "issued_at": AT,
        "tlp": "TLP:AMBER",
    }
    return incident(
        scan_folder.findings,
        campaign or scan_folder.campaign,
        load_assumptions(),
        **(given | changes),  # type: ignore[arg-type]
    )


def test_page_loads_nothing_and_names_no_account(scan_folder: Scanned) -> None:
    html = render_html(report(scan_folder))
    assert not re.search(r"<script|https?://|@import|url\(", html)
    for member in scan_folder.campaign.members:
        assert member.account_id not in html
    assert scan_folder.campaign.campaign_id not in html


def test_facts_and_inference_stand_apart(scan_folder: Scanned) -> None:
    html = render_html(report(scan_folder))
    observed, concluded = html.index("How it was detected"), html.index("What is concluded")
    assert observed < html.index(scan_folder.campaign.facts[0].text[:40]) < concluded
    assert concluded < html.index("The accounts act under common control")
    for limit in report(scan_folder).limits:
        assert limit.split(".")[0][:60] in html


@pytest.mark.parametrize("verdict", [Verdict.POOLED, Verdict.INCONCLUSIVE])
def test_who_is_not_accused_is_not_called_a_campaign(
    scan_folder: Scanned, verdict: Verdict
) -> None:
    made = report(scan_folder, replace(scan_folder.campaign, verdict=verdict))
    html = render_html(made)
    assert "This is no accusation." in html
    assert "harvesting them as training data" not in html
    assert not any("extracts" in s.text for s in made.conclusions)


def test_hostile_texts_stay_texts(scan_folder: Scanned) -> None:
    hostile = "<script>alert(1)</script>\u202e{{7*7}}"
    campaign = replace(scan_folder.campaign, models={hostile: 1.0}, would_change=hostile)
    action = ActionTaken(at=AT, what=hostile, by=hostile)
    html = render_html(report(scan_folder, campaign, provider=hostile, actions=(action,)))
    assert "<script" not in html
    assert "\u202e" not in html
    assert "{{7*7}}" in html


def test_money_follows_the_assumptions(scan_folder: Scanned, tmp_path: Path) -> None:
    rates = load_assumptions()
    campaign = replace(
        scan_folder.campaign,
        output_tokens=1_000_000,
        cost_usd=100.0,
        capabilities={"code": 0.5, "writing": 0.5},
    )
    found = economics(campaign, rates)
    accounts = 5.0 * len(campaign.members)
    assert [(line.low_usd, line.high_usd) for line in found.paid] == [
        (100, 100 + accounts),
        (10, 10 + accounts),
    ]
    words = 1_000_000 * 0.75 / 2
    assert found.produced[0].low_usd == pytest.approx(words / 500 * 40)
    assert found.produced[0].high_usd == pytest.approx(words / 250 * 120)
    assert found.ratio is not None
    assert found.ratio[0] < found.ratio[1]
    path = tmp_path / "own.toml"
    path.write_text("account_usd = -1\nreseller_share = 0.1\nwords_per_token = 1\nroute = []\n")
    with pytest.raises(InputError, match=r"own\.toml.*account_usd"):
        load_assumptions(path)


def test_without_tokens_nothing_is_invented(scan_folder: Scanned) -> None:
    campaign = replace(scan_folder.campaign, output_tokens=0, cost_usd=0.0)
    assert economics(campaign, load_assumptions()).ratio is None
    assert "does not say how long the answers were" in render_html(report(scan_folder, campaign))


@pytest.mark.parametrize("text", ["{}", '[{"at": 1}]', "nonsense", '[{"at":"x","what":"y","z":1}]'])
def test_malformed_actions_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: is no list of actions"):
        read_actions(tmp_path / "a.json")


def test_report_points_to_a_bundle_that_was_checked(
    scan_folder: Scanned, bundle_file: Path, tmp_path: Path
) -> None:
    taken = registrar(bundle_file.parent)
    made = write_incident(
        scan_folder.folder,
        scan_folder.campaign.campaign_id,
        tmp_path / "out",
        taken,
        Options(bundle=bundle_file, pdf=False),
    )
    assert [path.name for path in made] == ["incident.json", "incident.html"]
    data = json.loads(made[0].read_bytes())
    assert data["format"] == "stillwatch/incident/1"
    assert data["seal"]["digest"] in made[1].read_text()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(bundle_file.read_bytes()[:-1])
    with pytest.raises(InputError, match="not sound"):
        write_incident(
            scan_folder.folder,
            scan_folder.campaign.campaign_id,
            tmp_path / "out",
            taken,
            Options(bundle=broken, pdf=False),
        )
    with pytest.raises(UsageError, match="TLP:CLEAR"):
        write_incident(scan_folder.folder, "c-", tmp_path, taken, Options(tlp="TLP:WHITE"))


def test_pdf_has_pages_and_the_whole_text(scan_folder: Scanned, tmp_path: Path) -> None:
    data = render_pdf(render_html(report(scan_folder)))
    assert data.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        return
    (tmp_path / "x.pdf").write_bytes(data)
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "x.pdf", "-"], capture_output=True, check=True
    )
    text = done.stdout.decode()
    assert "Limits of the evidence" in text
    assert "Alternatives considered" in text
    assert text.count("TLP:AMBER") > 1  # on every page
