"""What the sign-up score does to the lab's groups, as a table and as values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from stillwatch.cli.tables import print_table

ASKED = ("phone", "payment", "organisation")

if TYPE_CHECKING:
    from stillwatch.lab.signups import SignupScore

COLUMNS = (
    ("group", "left"),
    ("kind", "left"),
    ("accounts", "right"),
    *((level, "right") for level in ASKED),
    ("asked for more than e-mail", "right"),
    ("first asked at account", "right"),
)


def print_signups(found: SignupScore) -> None:
    """Print every group, and the two shares that matter."""
    print_table(
        COLUMNS,
        (
            (
                one.group,
                one.kind,
                f"{one.accounts:,}",
                *(
                    f"{one.levels.get(level, 0):,}"
                    for level in ("phone", "payment", "organisation")
                ),
                f"{one.asked / one.accounts:.0%}",
                f"{one.first:,}" if one.first else "-",
            )
            for one in found.groups
        ),
    )
    for name, campaigns in (("campaign accounts", True), ("honest sign-ups", False)):
        asked, total = found.share(campaigns=campaigns)
        share = f" ({asked / total:.1%})" if total else ""
        typer.echo(f"{name} asked for more than e-mail: {asked:,} of {total:,}{share}")


def signup_values(found: SignupScore) -> dict[str, Any]:
    """The score as values that JSON can hold."""
    return {
        "campaign_accounts_asked": found.share(campaigns=True),
        "honest_accounts_asked": found.share(campaigns=False),
        "groups": [asdict(one) for one in found.groups],
    }
