"""A score against the truth, as tables and as values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from stillwatch.cli.tables import print_table
from stillwatch.schema import Verdict

if TYPE_CHECKING:
    from stillwatch.lab import Score

GROUP_COLUMNS = (
    ("group", "left"),
    ("kind", "left"),
    ("accounts", "right"),
    *((str(verdict), "right") for verdict in Verdict),
    ("no verdict", "right"),
    ("as expected", "right"),
)
CAMPAIGN_COLUMNS = (
    ("true campaign", "left"),
    ("accounts", "right"),
    ("found", "right"),
    ("pieces", "right"),
    ("in one piece", "right"),
)
FOUND_COLUMNS = (
    ("found campaign", "left"),
    ("accounts", "right"),
    ("of them innocent", "right"),
    ("is mostly", "left"),
    ("purity", "right"),
)


def print_score(score: Score) -> None:
    """Print every group and every true campaign, the missed ones too, and who was wronged."""
    _print_groups(score)
    if score.campaigns:
        _print_campaigns(score)
    if score.found:
        _print_found(score)
    typer.echo(f"{score.accused:,} accounts outside true campaigns accused of distillation")


def _print_groups(score: Score) -> None:
    print_table(
        GROUP_COLUMNS,
        (
            (
                group.group,
                group.kind,
                f"{group.accounts:,}",
                *(_count(group.verdicts.get(verdict, 0)) for verdict in Verdict),
                _count(group.missing),
                f"{group.expected / group.accounts:.0%}",
            )
            for group in score.groups
        ),
    )


def _print_campaigns(score: Score) -> None:
    print_table(
        CAMPAIGN_COLUMNS,
        (
            (
                true.campaign,
                f"{true.accounts:,}",
                f"{true.recall:.0%}",
                f"{true.pieces:,}",
                f"{true.largest:.0%}",
            )
            for true in score.campaigns
        ),
    )
    whole = sum(true.recall == 1 for true in score.campaigns)
    missed = sum(true.recall == 0 for true in score.campaigns)
    typer.echo(
        f"{len(score.campaigns):,} true campaigns: {whole:,} found whole, "
        f"{len(score.campaigns) - whole - missed:,} in part, {missed:,} missed"
    )


def _print_found(score: Score) -> None:
    print_table(
        FOUND_COLUMNS,
        (
            (
                found.campaign_id,
                f"{found.accounts:,}",
                _count(found.innocent),
                found.campaign or "no true campaign",
                f"{found.purity:.0%}",
            )
            for found in score.found
        ),
    )


def score_values(score: Score) -> dict[str, Any]:
    """Return the score as values that JSON can hold."""
    return {
        "accused": score.accused,
        "unknown": score.unknown,
        "groups": score.table(),
        "campaigns": [asdict(true) for true in score.campaigns],
        "found": [asdict(found) for found in score.found],
    }


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"
