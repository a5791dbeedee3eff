"""`stillwatch watch`: scan continuously, and publish what is in force."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import (
    Accounts,
    Calibration,
    Declared,
    Growth,
    Memory,
    Out,
    Priors,
    Quiet,
    ScanLedger,
)


def watch_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with logs, such as serve's intake.")
    ],
    out: Out,
    accounts: Accounts = None,
    declared: Declared = None,
    priors: Priors = None,
    step_up: Annotated[
        Path | None,
        typer.Option("--step-up", help="Accounts to ask to verify: verify.json of share match."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Policy file, which sentences verdicts.")
    ] = None,
    every: Annotated[
        str, typer.Option("--every", help="Shortest event time between scans, such as 1h.")
    ] = "1h",
    growth: Growth = 0.25,
    listen: Annotated[
        int | None,
        typer.Option("--listen", min=0, max=65_535, help="Also take posted logs on this port."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Take in what is there, scan if due, and leave.")
    ] = False,
    consume: Annotated[
        bool, typer.Option("--consume", help="Remove files once they are taken in.")
    ] = False,
    calibration: Calibration = None,
    ledger: ScanLedger = None,
    keep_index: Annotated[
        bool,
        typer.Option(
            "--keep-index",
            help="Between scans of everything look at what has grown, by an index in OUT.",
        ),
    ] = False,
    memory: Memory = "4GB",
    quiet: Quiet = False,
) -> None:
    """Follow a folder of logs, rescan as time goes on, and publish snapshot.json for the guard."""
    from stillwatch.cli.progress import watch as shown
    from stillwatch.watching import watch

    def told(line: str) -> None:
        if not quiet:
            typer.echo(line, err=True)

    with _listening(folder, out, listen), shown(quiet=quiet or not once) as progress:
        watch(
            folder,
            out=out,
            accounts=accounts,
            declarations=declared,
            priors=priors,
            step_up=step_up,
            policy=policy,
            every=every,
            growth=growth,
            once=once,
            consume=consume,
            calibration=calibration,
            ledger=ledger,
            keep_index=keep_index,
            memory=memory,
            progress=progress,
            told=told,
        )


def _listening(folder: Path, out: Path, port: int | None) -> AbstractContextManager[None]:
    if port is None:
        return nullcontext()
    from stillwatch.serving.listening import listening

    folder.mkdir(parents=True, exist_ok=True)
    return listening(folder, port, out / "snapshot.json")
