"""A bundle of evidence about one campaign, from a scan's folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.lone import Lone
from stillwatch.campaigns.membership import Grouped
from stillwatch.campaigns.payer import OnePayer
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.minimise import minimise
from stillwatch.evidence.bundle.outcome import campaign_of, differences, outcome
from stillwatch.evidence.canonical import b64, canonical, digest
from stillwatch.evidence.container import pack_files
from stillwatch.evidence.docket import Docket, as_files, read_docket
from stillwatch.evidence.dsse import seal
from stillwatch.evidence.freeze import arrays_in, freeze
from stillwatch.evidence.ledger.log import SCAN, moment
from stillwatch.evidence.mask import Mask
from stillwatch.evidence.scans import scan_payload
from stillwatch.evidence.signing import EVIDENCE, LEDGER
from stillwatch.findings import load_findings

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.campaigns.trial import Trial
    from stillwatch.evidence.ledger import Ledger
    from stillwatch.evidence.registrar import Registrar
    from stillwatch.schema import Campaign, Findings


def find_campaign(findings: Findings, wanted: str, file: str = "") -> Campaign:
    """A campaign by its id, or by the beginning of it.

    Raises:
        UsageError: there is none, or several.
    """
    found = [c for c in findings.campaigns if wanted and c.campaign_id.startswith(wanted)]
    if len(found) != 1:
        known = ", ".join(c.campaign_id for c in findings.campaigns[:10]) or "none"
        many = "several campaigns begin with" if found else "there is no campaign"
        raise UsageError(f"{file + ': ' if file else ''}{many} {wanted!r}; there are: {known}")
    return found[0]


def build_bundle(folder: Path, wanted: str, registrar: Registrar) -> bytes:
    """Make the bundle of a campaign, enter it into the ledger, and sign it.

    Args:
        folder: that a scan wrote.
        wanted: campaign id.
        registrar: ledger, key and vault.

    Raises:
        UsageError: there is no such campaign.
        InputError: the folder lacks something, or what it holds does not lead to the verdict.
    """
    data = (folder / "campaigns.json").read_bytes()
    findings = load_findings(folder / "campaigns.json")
    campaign = find_campaign(findings, wanted, str(folder))
    docket = read_docket(folder)
    if docket.findings != digest(data):
        raise InputError(
            "the evidence belongs to another scan than campaigns.json: scan again", file=str(folder)
        )
    name = registrar.public_name(campaign.campaign_id)
    ids = [member.account_id for member in campaign.members]
    accounts = registrar.vault.commitments(ids, f"bundle {name}")
    files = _evidence(docket, campaign) | {
        contents.VERDICT: canonical(contents.verdict_document(campaign, name, accounts)),
        contents.SCAN: canonical(contents.scan_document(findings.summary, docket.findings)),
        "readme.txt": contents.README.encode(),
    }
    files[contents.LEDGER] = _entered(
        registrar, files, name, campaign, scan_payload(findings.summary, docket.findings)
    )
    files[contents.KEYS] = canonical(
        {
            "evidence": registrar.key.public(EVIDENCE).line,
            "ledger": registrar.key.public(LEDGER).line,
        }
    )
    issued = moment(registrar.clock())
    signed = seal(
        contents.statement(files, name, issued),
        contents.PAYLOAD_TYPE,
        registrar.key.signer(EVIDENCE),
    )
    return pack_files(files | {contents.STATEMENT: signed})


def _evidence(docket: Docket, campaign: Campaign) -> dict[str, bytes]:
    """What the tests were made on, cut down as far as all their numbers stay the same."""
    members = docket.members_of(campaign.campaign_id)
    wanted = set(members.tolist())
    verdicts = docket.trial.verdicts()
    found = campaign_of(verdicts, wanted)
    if found is None:
        raise InputError(
            f"the evidence does not lead to {campaign.campaign_id} with this version: scan again"
        )
    stated = outcome(docket.trial, verdicts, found)
    alone = _only(
        docket.trial, found, {j.mined.candidate.accounts.tobytes(): j.e for j in verdicts.judged}
    )
    for trial in (minimise(alone), alone, minimise(docket.trial), docket.trial):
        reached = trial.verdicts()
        again = campaign_of(reached, wanted)
        if again is not None and not any(differences(stated, outcome(trial, reached, again))):
            whole = {"trial": trial, "members": members}
            frozen = freeze(whole, Mask.of(arrays_in(whole)), "bundle")
            return as_files(frozen) | {contents.OUTCOME: canonical(stated)}
    raise InputError("the evidence gives other numbers when it is judged again")


def _only(trial: Trial, found: Grouped | Lone | OnePayer, e_values: dict[bytes, float]) -> Trial:
    """The trial of one campaign; of the groups beside it the e-values are left."""
    groups = found.groups if isinstance(found, Grouped) else ()
    cut = _cut(trial, {group.mined.candidate.accounts.tobytes() for group in groups}, e_values)
    if isinstance(found, Lone):
        chosen = (s for s in trial.alone if int(s.family.accounts[0]) == found.account)
        return replace(cut, alone=tuple(chosen))
    return replace(cut, paid=(found,)) if isinstance(found, OnePayer) else cut


def _cut(trial: Trial, inside: set[bytes], e_values: dict[bytes, float]) -> Trial:
    groups = tuple(m for m in trial.groups if m.candidate.accounts.tobytes() in inside)
    parts = tuple(m for m in trial.parts if m.candidate.accounts.tobytes() in inside)
    beside = (e for accounts, e in e_values.items() if accounts not in inside)
    bodies = [np.zeros(0, dtype=np.int64), *(m.bodies for m in (*groups, *parts))]
    return replace(
        trial,
        groups=groups,
        parts=parts,
        beside=(*trial.beside, *beside),
        public=np.intersect1d(trial.public, np.concatenate(bodies)),
        alone=(),
        paid=(),
    )


def _entered(
    registrar: Registrar,
    files: dict[str, bytes],
    name: str,
    campaign: Campaign,
    scan: dict[str, Any],
) -> bytes:
    """Enter scan, verdict and bundle into the ledger, sign it, and prove that they are in it."""
    ledger = registrar.ledger
    entries: list[tuple[str, dict[str, Any]]] = [
        (SCAN, scan),
        (
            "verdict",
            {
                "campaign": name,
                "verdict": str(campaign.verdict),
                "coordination_p": campaign.coordination_p,
                "extraction_p": campaign.extraction_p,
                "e_value": campaign.e_value,
                "accounts": len(campaign.members),
                "document": digest(files[contents.VERDICT]),
            },
        ),
        ("bundle", {"campaign": name, "content": contents.content_digest(files)}),
    ]
    return entered(ledger, entries)


def entered(ledger: Ledger, entries: list[tuple[str, dict[str, Any]]]) -> bytes:
    """Enter entries into a ledger, sign it, and prove that they are in it."""
    first = ledger.extend(entries)
    signed = ledger.checkpoint()
    size = signed.checkpoint.size
    proofs = [
        {
            "index": index,
            "entry": ledger.raw(index).decode(),
            "proof": [b64(step) for step in ledger.inclusion(index, size)],
        }
        for index in range(first, first + len(entries))
    ]
    return canonical({"checkpoint": signed.note.data.decode(), "entries": proofs})
