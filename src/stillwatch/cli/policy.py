"""`stillwatch policy`: check a policy, see the whole of it, and see whom it would affect."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Accounts, Json, Quiet

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check a guard's policy, show it, and see whom it would affect.",
)

File = Annotated[Path, typer.Argument(metavar="POLICY", help="Policy file (TOML).")]


@app.command("check")
def check_command(policy: File) -> None:
    """Say whether a policy file is right, or which line and key are not."""
    from stillwatch.guard.policy import load_policy

    found = load_policy(policy)
    typer.echo(f"{policy}: good; version {found.version}, mode {found.mode}")


@app.command("show")
def show_command(
    policy: Annotated[
        Path | None, typer.Argument(metavar="[POLICY]", help="Policy file; built-in if not given.")
    ] = None,
) -> None:
    """Print a policy with every key, defaults too, as JSON."""
    from stillwatch.cli.tables import print_json
    from stillwatch.guard.policy import Policy, load_policy
    from stillwatch.guard.toml_file import values_of

    print_json(values_of(load_policy(policy) if policy else Policy()))


@app.command("preview")
def preview_command(
    policy: File,
    logs: Annotated[list[str], typer.Argument(metavar="LOG", help="Past data: files or folders.")],
    accounts: Accounts = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot",
            help="What is in force, taken as known from the beginning instead of scanning.",
        ),
    ] = None,
    every: Annotated[str, typer.Option("--every", help="Shortest time between scans.")] = "1d",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how many accounts and requests a policy would have affected."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json
    from stillwatch.replay import replay
    from stillwatch.standing import load_snapshot

    known = load_snapshot(snapshot) if snapshot else None
    with tempfile.TemporaryDirectory(prefix="stillwatch-preview-") as out, watch(quiet=quiet) as p:
        done = replay(
            logs,
            out=out,
            accounts=accounts,
            policy=policy,
            every=every,
            snapshot=known,
            progress=p,
        )
    rows = [row for row in done.tally.rows() if row["action"] != "allow"]
    if as_json:
        print_json({"scans": done.scans, **done.tally.total(), "actions": rows})
        return
    for row in rows:
        typer.echo(
            f"{row['action']}: would have affected {row['accounts']:,} accounts, "
            f"{row['requests']:,} requests"
        )
