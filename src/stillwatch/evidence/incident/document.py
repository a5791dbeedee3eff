"""The incident report as data: what is observed, what is concluded, and what is neither.

Nothing in it is text of a customer, and accounts appear as numbers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stillwatch._version import __version__
from stillwatch.errors import InputError
from stillwatch.evidence.incident.economics import Economics, economics
from stillwatch.evidence.incident.statements import (
    Alternative,
    Statement,
    Test,
    alternatives,
    conclusions,
    limits,
    observations,
    tests,
)
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.evidence.incident.economics import Assumptions
    from stillwatch.schema import Campaign, Findings

FORMAT = "stillwatch/incident/1"

TITLES = {
    Verdict.DISTILLATION: "Suspected distillation campaign",
    Verdict.POOLED: "Accounts under common control, no distillation campaign shown",
    Verdict.INCONCLUSIVE: "Inconclusive: a group of accounts that could not be judged",
    Verdict.CLEAR: "No campaign",
}

MAX_ACTIONS = 1000


class ActionTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that was done about it.

    Attributes:
        at: RFC 3339.
        what: one sentence.
        accounts: how many it touched.
        by: the role of who decided, not a name.
        appeals, upheld: what those concerned asked for and got.
    """

    at: str
    what: str
    accounts: int = 0
    by: str = ""
    appeals: int = 0
    upheld: int = 0


class Seal(msgspec.Struct, frozen=True):
    """Where the evidence behind the report is, and how to check it.

    Attributes:
        bundle: name of the bundle's file; empty where there is none.
        digest: SHA-256 of the file.
        key: that signed it, as it is published.
        ledger: the checkpoint that covers it: origin, size and root.
    """

    bundle: str = ""
    digest: str = ""
    key: str = ""
    ledger: str = ""


class Day(msgspec.Struct, frozen=True):
    """One day of the stream."""

    day: str
    requests: int
    accounts: int


class Incident(msgspec.Struct, frozen=True):
    """A report for authorities and counsel, as data (`stillwatch/incident/1`)."""

    format: str
    title: str
    provider: str
    campaign: str
    verdict: str
    tlp: str
    issued_at: str
    version: str
    first_seen: str
    last_seen: str
    scanned_from: str
    scanned_to: str
    log_requests: int
    log_accounts: int
    accounts: int
    requests: int
    input_tokens: int
    output_tokens: int
    level: float
    coordination_p: float | None
    extraction_p: float | None
    e_value: float | None
    capabilities: dict[str, float]
    models: dict[str, float]
    timeline: tuple[Day, ...]
    per_account: dict[str, float]
    observations: tuple[Statement, ...]
    concealment: tuple[str, ...]
    tests: tuple[Test, ...]
    conclusions: tuple[Statement, ...]
    alternatives: tuple[Alternative, ...]
    without_strongest: str
    would_change: str
    actions: tuple[ActionTaken, ...]
    economics: Economics
    limits: tuple[str, ...]
    seal: Seal


def incident(  # noqa: PLR0913 - everything that a report says, named
    findings: Findings,
    campaign: Campaign,
    rates: Assumptions,
    *,
    provider: str,
    name: str,
    issued_at: str,
    tlp: str,
    actions: tuple[ActionTaken, ...] = (),
    seal: Seal | None = None,
) -> Incident:
    """Gather what a report says.

    Args:
        findings: of the scan.
        campaign: that it is about.
        rates: assumptions of the economics.
        provider: who reports.
        name: what the campaign is called outside.
        issued_at: RFC 3339.
        tlp: how far it may be passed on, such as ``TLP:AMBER``.
        actions: what was done, oldest first.
        seal: of the bundle behind it.
    """
    summary = findings.summary
    return Incident(
        format=FORMAT,
        title=TITLES[campaign.verdict],
        provider=provider,
        campaign=name,
        verdict=str(campaign.verdict),
        tlp=tlp,
        issued_at=issued_at,
        version=__version__,
        first_seen=campaign.first_seen,
        last_seen=campaign.last_seen,
        scanned_from=summary.first_seen,
        scanned_to=summary.last_seen,
        log_requests=summary.requests,
        log_accounts=summary.accounts,
        accounts=len(campaign.members),
        requests=campaign.requests,
        input_tokens=campaign.input_tokens,
        output_tokens=campaign.output_tokens,
        level=summary.fdr,
        coordination_p=campaign.coordination_p,
        extraction_p=campaign.extraction_p,
        e_value=campaign.e_value,
        capabilities=campaign.capabilities,
        models=campaign.models,
        timeline=tuple(Day(d.day, d.requests, d.accounts) for d in campaign.timeline),
        per_account=_per_account(campaign),
        observations=observations(campaign),
        concealment=campaign.concealment,
        tests=tests(campaign, summary.fdr),
        conclusions=conclusions(campaign, summary.fdr),
        alternatives=alternatives(campaign),
        without_strongest=str(campaign.without_strongest),
        would_change=campaign.would_change,
        actions=actions,
        economics=economics(campaign, rates),
        limits=limits(summary),
        seal=seal or Seal(),
    )


def _per_account(campaign: Campaign) -> dict[str, float]:
    """How much the accounts sent: total and a day, the middle one and the most."""
    sent = sorted(member.stream_requests for member in campaign.members) or [0]
    days = max(len(campaign.timeline), 1)
    return {
        "median": sent[len(sent) // 2],
        "most": sent[-1],
        "median_a_day": sent[len(sent) // 2] / days,
        "most_a_day": sent[-1] / days,
    }


def read_actions(path: Path) -> tuple[ActionTaken, ...]:
    """Read what was done from a JSON list.

    Raises:
        InputError: the file cannot be read or is malformed.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=tuple[ActionTaken, ...])
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is no list of actions: {error}", file=str(path)) from None
    if len(found) > MAX_ACTIONS:
        raise InputError(f"lists more than {MAX_ACTIONS} actions", file=str(path))
    return tuple(sorted(found, key=lambda action: action.at))


def dump_incident(made: Incident) -> bytes:
    """The report's data as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"
