"""From a scan to a package: the families of a campaign, made anew under the partners' key.

Sketches are keyed with the deployment's own secret, so tokens for partners come from a second
reading of the log that looks at the campaign's requests alone. Only families that hardly anybody
else uses
are taken: what an honest customer shares with a campaign is not shared with the industry.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from stillwatch.errors import UsageError
from stillwatch.evidence.bundle.build import find_campaign
from stillwatch.evidence.bundle.outcome import campaign_of
from stillwatch.evidence.docket import read_docket
from stillwatch.evidence.ledger.log import moment
from stillwatch.exchange.package import (
    MAX_INDICATORS,
    MIN_ACCOUNTS,
    Indicator,
    Kind,
    Package,
    SharedCampaign,
    as_name,
    check_package,
    moment_of,
    two_digits,
)
from stillwatch.findings import load_findings
from stillwatch.schema import Verdict
from stillwatch.signals.families import KINDS
from stillwatch.sketch import Sketcher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from stillwatch.campaigns.candidates import Family
    from stillwatch.readers import Log
    from stillwatch.schema import Campaign
    from stillwatch.sketch import SketchKey

EXCLUSIVE = 0.9
"""Share of a family's requests that must come from the campaign: less would point at bystanders."""

SHARED_KINDS: tuple[str, ...] = get_args(Kind)

LIFETIME = timedelta(days=30)
"""How long an indicator counts: operators change their templates, and nothing may linger."""

NULL = (
    "independent accounts; people with something in common; one exercise (the largest p-value over "
    "these explanations counts)"
)

LIMITS = (
    "Who the operator is, is not known.",
    "A request that shows an indicator is a reason to look and to verify, never a verdict.",
    "Counts are rounded to two digits.",
)


@dataclass(frozen=True)
class Keys:
    """The deployment's own key and the partners'."""

    own: SketchKey
    partners: SketchKey


def collect(
    folder: Path,
    wanted: str,
    log: Log,
    keys: Keys,
    *,
    source: str,
    name: str,
    tlp: str,
    now: datetime,
) -> Package:
    """Make the package of a campaign.

    Args:
        folder: that a scan wrote.
        wanted: campaign id.
        log: the same log once more.
        keys: of the deployment and of the partners.
        source: who shares.
        name: what the campaign is called outside.
        tlp: how far it may go.
        now: of the package.

    Raises:
        UsageError: there is no such campaign, it was not accused, or it is too small to share.
        InputError: the folder holds no evidence.
    """
    findings = load_findings(folder / "campaigns.json")
    campaign = find_campaign(findings, wanted, str(folder))
    if campaign.verdict is not Verdict.DISTILLATION:
        raise UsageError(f"{campaign.campaign_id} is {campaign.verdict}: only accused groups leave")
    if len(campaign.members) < MIN_ACCOUNTS:
        raise UsageError(
            f"{campaign.campaign_id} has {len(campaign.members)} accounts; fewer than "
            f"{MIN_ACCOUNTS} could single somebody out"
        )
    families = _own_families(folder, campaign)
    shown = _tokens(log, campaign, families, keys)
    at = moment(now)
    return check_package(
        Package(
            format="stillwatch/share/1",
            source=as_name(source),
            created=at,
            modified=at,
            tlp=tlp,  # type: ignore[arg-type]
            key=keys.partners.fingerprint,
            campaign=_shared(campaign, name, findings.summary.fdr),
            indicators=tuple(_indicators(shown, campaign, now)),
        )
    )


def _own_families(folder: Path, campaign: Campaign) -> dict[str, set[int]]:
    """Keys of the campaign's own families by kind, as sketched under the deployment's key."""
    docket = read_docket(folder)
    found = campaign_of(
        docket.trial.verdicts(), set(docket.members_of(campaign.campaign_id).tolist())
    )
    families: Iterable[Family] = found.candidate.families if found is not None else ()
    own: defaultdict[str, set[int]] = defaultdict(set)
    for family in families:
        kind = KINDS[family.kind]
        if kind in SHARED_KINDS and family.core_requests >= EXCLUSIVE * family.requests:
            own[kind].add(family.key)
    return own


def _tokens(
    log: Log, campaign: Campaign, families: dict[str, set[int]], keys: Keys
) -> dict[tuple[str, int], set[str]]:
    """Which members show which family, under the partners' key."""
    own, partners = Sketcher(keys.own), Sketcher(keys.partners)
    members = np.array([member.account_id for member in campaign.members])
    shown: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for batch in log:
        accounts = np.array(batch.requests.column("account_id").to_pylist())
        rows = np.flatnonzero(np.isin(accounts, members))
        if not len(rows) or not families:
            continue
        theirs = batch.requests.take(rows)
        mine, shared = own.sketch(theirs).sketches, partners.sketch(theirs).sketches
        for kind, wanted in families.items():
            keys_own = mine.column(kind).fill_null(0).to_numpy(zero_copy_only=False)
            keys_partner = shared.column(kind).fill_null(0).to_numpy(zero_copy_only=False)
            for i in np.flatnonzero(np.isin(keys_own, list(wanted))).tolist():
                shown[kind, int(keys_partner[i])].add(str(accounts[rows[i]]))
    return shown


def _indicators(
    shown: dict[tuple[str, int], set[str]], campaign: Campaign, now: datetime
) -> list[Indicator]:
    until = max(now, moment_of(campaign.last_seen)) + LIFETIME
    made = [
        Indicator(
            kind=kind,  # type: ignore[arg-type]
            token=f"{key % 2**64:016x}",
            accounts=two_digits(len(accounts)),
            confidence=_confidence(campaign),
            valid_from=campaign.first_seen[:10] + "T00:00:00Z",
            valid_until=until.strftime("%Y-%m-%dT00:00:00Z"),
        )
        for (kind, key), accounts in shown.items()
        if len(accounts) >= MIN_ACCOUNTS
    ]
    most = sorted(made, key=lambda i: (-i.accounts, i.name))[:MAX_INDICATORS]
    return sorted(most, key=lambda i: i.name)


def _confidence(campaign: Campaign) -> int:
    """85 if the verdict stands without its strongest evidence, else 70: no probability."""
    return 85 if campaign.without_strongest is Verdict.DISTILLATION else 70


def _shared(campaign: Campaign, name: str, level: float) -> SharedCampaign:
    rounded: dict[str, Any] = {
        as_name(kind): round(share, 2) for kind, share in campaign.capabilities.items()
    }
    return SharedCampaign(
        name=name,
        verdict=campaign.verdict,
        first_seen=campaign.first_seen[:10] + "T00:00:00Z",
        last_seen=campaign.last_seen[:10] + "T23:59:59Z",
        accounts=two_digits(len(campaign.members)),
        requests=two_digits(campaign.requests),
        capabilities=rounded,
        coordination_p=campaign.coordination_p,
        extraction_p=campaign.extraction_p,
        e_value=campaign.e_value,
        level=level,
        null=NULL,
        limits=LIMITS,
    )
