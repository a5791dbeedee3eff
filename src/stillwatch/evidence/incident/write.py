"""An incident report into its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.build import find_campaign
from stillwatch.evidence.bundle.verify import verify_bundle
from stillwatch.evidence.canonical import digest, read_canonical
from stillwatch.evidence.container import read_archive
from stillwatch.evidence.incident.document import (
    Seal,
    dump_incident,
    incident,
    read_actions,
)
from stillwatch.evidence.incident.economics import load_assumptions
from stillwatch.evidence.incident.page import render_html, render_pdf
from stillwatch.evidence.ledger.checkpoint import parse_checkpoint
from stillwatch.evidence.ledger.log import moment
from stillwatch.findings import load_findings

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.evidence.registrar import Registrar

TLP = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
"""How far something may be passed on (FIRST, Traffic Light Protocol 2.0)."""


@dataclass(frozen=True)
class Options:
    """What a report is made with, besides the scan.

    Attributes:
        bundle: the bundle of evidence that it points to.
        actions: JSON list of what was done.
        assumptions: TOML of the economics.
        provider: who reports; the name of the key unless given.
        tlp: one of `TLP`.
        pdf: also as PDF.
    """

    bundle: Path | None = None
    actions: Path | None = None
    assumptions: Path | None = None
    provider: str = ""
    tlp: str = "TLP:AMBER"
    pdf: bool = True


def write_incident(
    folder: Path, wanted: str, out: Path, registrar: Registrar, options: Options
) -> list[Path]:
    """Write a report; the files are returned.

    Args:
        folder: that a scan wrote.
        wanted: campaign id.
        out: folder for the files.
        registrar: names the campaign as its bundle does.
        options: what else it is made with.

    Raises:
        UsageError: there is no such campaign, or the marking is none.
        InputError: a file cannot be used, or the bundle is not sound or about something else.
        MissingExtraError: PDF is wanted and its part is not installed.
    """
    if options.tlp not in TLP:
        raise UsageError(f"--tlp is one of {', '.join(TLP)}")
    findings = load_findings(folder / "campaigns.json")
    campaign = find_campaign(findings, wanted, str(folder))
    name = registrar.public_name(campaign.campaign_id)
    made = incident(
        findings,
        campaign,
        load_assumptions(options.assumptions),
        provider=options.provider or registrar.key.name,
        name=name,
        issued_at=moment(registrar.clock()),
        tlp=options.tlp,
        actions=read_actions(options.actions) if options.actions else (),
        seal=seal_of(options.bundle, name) if options.bundle else None,
    )
    html = render_html(made)
    files = {"incident.json": dump_incident(made), "incident.html": html.encode()}
    if options.pdf:
        files["incident.pdf"] = render_pdf(html)
    out.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        (out / file).write_bytes(data)
    return [out / file for file in files]


def seal_of(bundle: Path, name: str) -> Seal:
    """How to find and check a bundle; it is checked first.

    Raises:
        InputError: it is not sound, or about another campaign.
    """
    done = verify_bundle(bundle)
    if not done.sound:
        raise InputError("this bundle is not sound: stillwatch verify says why", file=str(bundle))
    files = read_archive(bundle)
    verdict = read_canonical(files[contents.VERDICT], what=contents.VERDICT)
    if verdict["campaign_id"] != name:
        raise InputError(f"this bundle is about {verdict['campaign_id']}", file=str(bundle))
    keys = read_canonical(files[contents.KEYS], what=contents.KEYS)
    ledger = read_canonical(files[contents.LEDGER], what=contents.LEDGER)
    point, _ = parse_checkpoint(ledger["checkpoint"].encode())
    return Seal(
        bundle=bundle.name,
        digest=digest(bundle.read_bytes()),
        key=keys["evidence"],
        ledger=f"{point.origin}, {point.size} entries, root {point.root.hex()}",
    )
