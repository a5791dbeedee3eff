"""`stillwatch replay`: what the guard would have done with a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import (
    Accounts,
    Declared,
    Growth,
    Json,
    LogFormat,
    Memory,
    Out,
    Quiet,
)


def replay_command(
    logs: Annotated[
        list[str],
        typer.Argument(
            metavar="LOG", help="Files, folders or globs, also .gz and .zst; - for stdin."
        ),
    ],
    out: Out,
    accounts: Accounts = None,
    declared: Declared = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="Policy file; the built-in policy, enforced, unless given."),
    ] = None,
    every: Annotated[
        str, typer.Option("--every", help="Shortest time between scans, such as 1h.")
    ] = "1h",
    growth: Growth = 0.25,
    log_format: LogFormat = None,
    memory: Memory = "4GB",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play a log in event time through the guard, scanning as it goes.

    Writes decisions.parquet and rejected.jsonl.
    """
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.replay import replay

    with watch(quiet=quiet) as progress:
        done = replay(
            logs,
            out=out,
            accounts=accounts,
            declarations=declared,
            policy=policy,
            every=every,
            growth=growth,
            format=log_format,
            memory=memory,
            progress=progress,
        )
    rows = done.tally.rows()
    if as_json:
        print_json({"decisions": str(done.decisions), "scans": done.scans, "actions": rows})
        return
    print_table(
        [("action", "left"), ("accounts", "right"), ("requests", "right")],
        [(str(r["action"]), f"{r['accounts']:,}", f"{r['requests']:,}") for r in rows],
    )
    typer.echo(f"{done.scans} scans on the way; decisions: {done.decisions}")
