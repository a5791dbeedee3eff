"""`stillwatch report`: write the report of an earlier scan again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


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
    from stillwatch.report import load_findings, write_report

    target = out or results / "report.html"
    findings = load_findings(results / "campaigns.json")
    accounts = _read_accounts(results / "accounts.parquet")
    write_report(findings, accounts, results / "rejected.jsonl", target)
    typer.echo(f"report: {target}")


def _read_accounts(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from stillwatch.schema import ACCOUNT_VERDICTS

    try:
        return pq.read_table(path, schema=ACCOUNT_VERDICTS)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"cannot be read as the accounts of a scan ({error}); scan again", file=str(path)
        ) from error
