"""`stillwatch report`: write the report of an earlier scan again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="Folder that a scan wrote."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", dir_okay=False, help="HTML file; DIR/report.html unless given."
        ),
    ] = None,
) -> None:
    """Write the report of an earlier scan again, from its files."""
    import pyarrow.parquet as pq

    from stillwatch.report import load_findings, write_report

    target = out or results / "report.html"
    findings = load_findings(results / "campaigns.json")
    accounts = pq.read_table(results / "accounts.parquet")
    write_report(findings, accounts, results / "rejected.jsonl", target)
    typer.echo(f"report: {target}")
