"""Results on standard output: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stillwatch.cli.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stillwatch.schema import Campaign, Findings

FILE_WIDTH = 120
"""Columns of a table that goes to a file or a pipe, which has no width of its own."""

MAX_ROWS = 25


def print_json(value: Any) -> None:
    """Print `value` as indented JSON that is safe to show: ASCII only."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a heading.

    Args:
        columns: heading and justification (``left`` or ``right``) of each column; the last one
            takes the width that is left and wraps.
        rows: cells as text; anything a terminal would act on is taken out.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, (heading, justify) in enumerate(columns):
        last = position == len(columns) - 1
        table.add_column(
            heading, justify="right" if justify == "right" else "left", no_wrap=not last
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


CAMPAIGN_COLUMNS = (
    ("verdict", "left"),
    ("campaign", "left"),
    ("accounts", "right"),
    ("requests", "right"),
    ("days", "right"),
    ("how sure", "left"),
    ("what gave it away", "left"),
)


def print_campaigns(findings: Findings) -> None:
    """Print the campaigns, surest first, and what the scan read to find them."""
    summary = findings.summary
    typer.echo(
        f"{summary.requests:,} requests of {summary.accounts:,} accounts read, "
        f"{summary.rejected:,} lines rejected, {summary.duplicates:,} duplicates"
    )
    if not findings.campaigns:
        typer.echo("no campaign found")
        return
    shown = findings.campaigns[:MAX_ROWS]
    print_table(CAMPAIGN_COLUMNS, (_cells(campaign) for campaign in shown))
    if len(shown) < len(findings.campaigns):
        typer.echo(f"and {len(findings.campaigns) - len(shown):,} more in campaigns.json")


def campaign_rows(findings: Findings) -> list[dict[str, Any]]:
    """Return what the table of campaigns shows, as values."""
    return [
        {
            "campaign_id": campaign.campaign_id,
            "verdict": str(campaign.verdict),
            "accounts": len(campaign.members),
            "requests": campaign.requests,
            "days": len(campaign.timeline),
            "coordination_p": campaign.coordination_p,
            "extraction_p": campaign.extraction_p,
            "e_value": campaign.e_value,
            "evidence": [fact.text for fact in campaign.facts],
        }
        for campaign in findings.campaigns
    ]


def _cells(campaign: Campaign) -> tuple[str, ...]:
    return (
        str(campaign.verdict),
        campaign.campaign_id,
        f"{len(campaign.members):,}",
        f"{campaign.requests:,}",
        f"{len(campaign.timeline):,}",
        how_sure(campaign),
        campaign.facts[0].text if campaign.facts else "",
    )


def how_sure(campaign: Campaign) -> str:
    """Return the error probabilities of a campaign's two questions in few words."""
    if campaign.by_payer:
        return "seen, not tested"
    questions = (("one operator", campaign.coordination_p), ("harvest", campaign.extraction_p))
    parts = [f"{name} p = {p:.1g}" for name, p in questions if p is not None]
    return ", ".join(parts) or "not judged"
