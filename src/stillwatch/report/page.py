"""The page as a whole: gather, bound, render, seal."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from stillwatch.errors import InputError, StillwatchError
from stillwatch.report import headline, series, views
from stillwatch.report.rejections import Tally, tally
from stillwatch.report.templating import PACKAGE, environment
from stillwatch.schema import ACCOUNT_VERDICTS, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stillwatch.readers.rejections import Rejection
    from stillwatch.schema import Campaign, Findings

MOST_SHOWN = 60
"""Groups shown in full; the table of groups lists `MOST_LISTED`, `campaigns.json` has them all."""

MOST_LISTED = 500
MOST_MEMBERS = 200
_MEMBER_ROWS = 3_000  # of the whole page
_FEWEST_MEMBERS = 10
_GROUP_MEMBERS = 20  # of a group that is not accused
_GRAPH_NODES = 3_000  # of the whole page
_MOST_NODES, _FEWEST_NODES = 150, 40
_LONE_ACCOUNTS = 50


@dataclass(frozen=True, slots=True)
class LoneAccount:
    """An account that is judged by itself, in no group."""

    account_id: str
    verdict: str
    requests: int
    extraction_p: float | None
    reasons: tuple[str, ...]


def write_report(
    findings: Findings,
    accounts: pa.Table,
    rejected: Path | Iterable[Rejection],
    out: Path,
) -> None:
    """Write the report of a scan as one HTML file that needs nothing else.

    The file is replaced in one step, so that a reader never sees half of it.

    Args:
        findings: what the scan found.
        accounts: a row an account, `schema.ACCOUNT_VERDICTS`.
        rejected: what was set aside, or the path of `rejected.jsonl`.
        out: the HTML file.

    Raises:
        InputError: `accounts` lacks a column, or the rejections cannot be read.
        StillwatchError: the file cannot be written.
    """
    page = render_report(findings, accounts, rejected).encode()
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(page)
            Path(name).chmod(0o644)
            Path(name).replace(out)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StillwatchError(f"{out}: the report cannot be written: {error.strerror}") from error


def render_report(
    findings: Findings, accounts: pa.Table, rejected: Path | Iterable[Rejection]
) -> str:
    """Make the page; the arguments are those of `write_report`. Same input, same page."""
    missing = [name for name in ACCOUNT_VERDICTS.names if name not in accounts.column_names]
    if missing:
        raise InputError("the table of accounts lacks a column", field=", ".join(missing))
    script, style = _asset("report.js"), _asset("report.css")
    shown = findings.campaigns[:MOST_SHOWN]
    budget = _budget(shown)
    groups = [
        views.campaign_view(number, campaign, findings.summary, accounts, budget[campaign.verdict])
        for number, campaign in enumerate(shown, 1)
    ]
    lone, lone_total = _lone_accounts(accounts)
    return (
        environment(jinja2.PackageLoader(PACKAGE))
        .get_template("report.html.j2")
        .render(
            summary=findings.summary,
            format=findings.format,
            campaigns=findings.campaigns[:MOST_LISTED],
            campaigns_total=len(findings.campaigns),
            accused=[group for group in groups if group.accused],
            others=[group for group in groups if not group.accused],
            headline=headline.headline(findings),
            population=_population(findings, accounts),
            lone=lone,
            lone_total=lone_total,
            rejected=_reconciled(tally(rejected), findings.summary.rejected),
            style=Markup(style),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704  # our own file
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _budget(shown: Sequence[Campaign]) -> dict[str, views.Budget]:
    accused = sum(campaign.verdict == Verdict.DISTILLATION for campaign in shown)
    rows = _MEMBER_ROWS // max(accused, 1)
    nodes = _GRAPH_NODES // max(accused, 1)
    full = views.Budget(
        members=min(MOST_MEMBERS, max(_FEWEST_MEMBERS, rows)),
        nodes=min(_MOST_NODES, max(_FEWEST_NODES, nodes)),
    )
    short = views.Budget(members=_GROUP_MEMBERS, nodes=0)
    return {verdict: full if verdict == Verdict.DISTILLATION else short for verdict in Verdict}


def _population(findings: Findings, accounts: pa.Table) -> dict[str, object]:
    summary = findings.summary
    days = series.daily(summary.timeline, ())
    requests = accounts.column("requests").to_numpy()
    volume = series.volumes(requests, requests)
    return {
        "requests_by_day": views.by_day(days, "requests"),
        "accounts_by_day": views.by_day(days, "accounts"),
        "hours": views.by_hour(summary.hours, ()),
        "volumes": volume and views.volume_figure(replace(volume, population=()), "all accounts"),
        "days_a_column": days.days_a_column if days else 1,
    }


def _lone_accounts(accounts: pa.Table) -> tuple[list[LoneAccount], int]:
    """Accounts that are neither clear nor in a group: the most active first."""
    alone = accounts.filter(
        pc.and_(
            pc.is_null(accounts.column("campaign_id")),
            pc.not_equal(accounts.column("verdict"), Verdict.CLEAR.value),
        )
    ).sort_by([("requests", "descending"), ("account_id", "ascending")])
    rows = alone.slice(0, _LONE_ACCOUNTS).to_pylist()
    return [
        LoneAccount(
            row["account_id"],
            row["verdict"],
            row["requests"],
            row["extraction_p"],
            tuple(row["reasons"]),
        )
        for row in rows
    ], alone.num_rows


def _reconciled(found: Tally, counted: int) -> dict[str, object]:
    """The tally beside the scan's own count: the file may have been cut or lost since."""
    return {"tally": found, "counted": counted, "agrees": found.lines == counted}


def _asset(name: str) -> str:
    return files(PACKAGE).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The digest by which a content security policy allows one inline element."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
