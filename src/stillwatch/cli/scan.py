"""`stillwatch scan`: find the campaigns in a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import (
    Accounts,
    Calibration,
    Declared,
    Json,
    LogFormat,
    Memory,
    Out,
    Priors,
    Quiet,
    ScanLedger,
    Seed,
)


def scan_command(
    out: Out,
    logs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOG", help="Files, folders or globs, also .gz and .zst; - for stdin."
        ),
    ] = None,
    sketches: Annotated[
        str | None,
        typer.Option(
            "--sketches",
            metavar="DIR|URL",
            help="Scan sketches instead of logs: a folder, or a URL such as s3://BUCKET/PREFIX.",
        ),
    ] = None,
    accounts: Accounts = None,
    declared: Declared = None,
    priors: Priors = None,
    log_format: LogFormat = None,
    fdr: Annotated[
        float, typer.Option("--fdr", help="Share of accused campaigns that may be false.")
    ] = 0.01,
    seed: Seed = 0,
    keep_examples: Annotated[
        int,
        typer.Option("--keep-examples", min=0, help="Raw prompts to keep for each campaign."),
    ] = 0,
    calibration: Calibration = None,
    ledger: ScanLedger = None,
    keep_index: Annotated[
        bool,
        typer.Option(
            "--keep-index", help="Keep what was read in OUT/index, for scans with --since."
        ),
    ] = False,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="DIR",
            file_okay=False,
            help="Results of a scan with --keep-index: look only at what has grown since.",
        ),
    ] = None,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add the log to the sketches in OUT, and scan them all."),
    ] = False,
    memory: Memory = "4GB",
    engine: Annotated[
        str,
        typer.Option(
            "--engine", help="duckdb, spark (as spark-submit sets it up), or a Spark master's URL."
        ),
    ] = "duckdb",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the distillation campaigns in a request log.

    Writes campaigns.json, accounts.parquet, rejected.jsonl and report.html.
    """
    from stillwatch.calibration import drift
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import campaign_rows, print_campaigns, print_json
    from stillwatch.scanning import scan

    with watch(quiet=quiet) as progress:
        found = scan(
            logs or (),
            out=out,
            sketches=sketches,
            accounts=accounts,
            declarations=declared,
            priors=priors,
            format=log_format,
            fdr=fdr,
            seed=seed,
            keep_examples=keep_examples,
            calibration=calibration,
            ledger=ledger,
            keep_index=keep_index,
            since=since,
            append=append,
            memory=memory,
            engine=engine,
            progress=progress,
        )
    if as_json:
        print_json({"out": str(found.out), "campaigns": campaign_rows(found.findings)})
        return
    print_campaigns(found.findings)
    earlier = found.findings.summary.since
    if earlier is not None:
        typer.echo(
            "looked at what has grown by a quarter since the scan up to "
            f"{earlier.last_seen}: {len(earlier.standing)} groups of it stand as found then"
        )
    calibrated = found.findings.summary.calibrated
    if calibrated is not None and calibrated.outside:
        typer.echo(f"note: {drift(calibrated)}")
    typer.echo(f"report: {found.out / 'report.html'}")
