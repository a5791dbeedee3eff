"""The page of sources: what scans read, and whether the error rate speaks of such logs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
from tests import invented_scan

from stillwatch.cases.actors import system
from stillwatch.cases.importing import import_scan
from stillwatch.findings import dump_findings, load_findings

if TYPE_CHECKING:
    from .conftest import Console


def test_every_scan_says_in_what_its_customers_are_unlike_the_calibrations(
    console: Console,
) -> None:
    console.take_in(invented_scan.campaign("c-1", [f"a{n}" for n in range(6)]))
    # the next scan is of customers like those of the calibration, an older one did not measure it
    folder, _ = invented_scan.write(console.folder / "next")
    found = load_findings(folder / "campaigns.json")
    said = found.summary.calibrated
    assert said is not None
    alike = replace(said, habits=tuple(one for one in said.habits if one.inside))
    for calibrated in (alike, None):
        summary = replace(found.summary, calibrated=calibrated)
        (folder / "campaigns.json").write_bytes(dump_findings(replace(found, summary=summary)))
        import_scan(console.storage, folder, actor=system("import"))
    page = httpx2.get(f"{console.url}/sources", cookies=console.cookie("vera")).text
    rows = re.findall(r"<tr><th scope=\"row\"><time.*?</tr>", page, re.DOTALL)
    assert [re.sub(r"<[^>]*>", "", re.findall(r"<td>.*?</td>", row)[1]) for row in rows] == [
        "not measured",
        "nothing",
        "when they ask",
    ]
