"""`stillwatch report`: an earlier scan's page again, bundles of evidence, incident reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.defaulting import group_with_default
from stillwatch.cli.ledger import LedgerFolder, open_registrar
from stillwatch.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


app = typer.Typer(
    cls=group_with_default("page"),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="From an earlier scan: its page again (report DIR), evidence, a report for authorities.",
)

Results = Annotated[
    Path,
    typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder that a scan wrote."),
]
CampaignId = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its id, or how the id begins.")
]


@app.command("page")
def report_command(
    results: Results,
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


@app.command("bundle")
def bundle_command(
    results: Results,
    campaign: CampaignId,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="The bundle; named in DIR unless given."),
    ] = None,
    ledger: LedgerFolder = None,
) -> None:
    """Make the bundle of evidence about a campaign, enter it into the ledger, and sign it."""
    from stillwatch.evidence.bundle.build import build_bundle

    data = build_bundle(results, campaign, open_registrar(ledger))
    target = out or results / f"{campaign}.evidence.zip"
    target.write_bytes(data)
    typer.echo(f"evidence: {target}")
    typer.echo(f"check it with: stillwatch verify {target}")


@app.command("incident")
def incident_command(
    results: Results,
    campaign: CampaignId,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", file_okay=False, help="Folder; DIR/incident unless given."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", exists=True, dir_okay=False, help="The bundle of evidence."),
    ] = None,
    actions: Annotated[
        Path | None,
        typer.Option("--actions", exists=True, dir_okay=False, help="What was done, a JSON list."),
    ] = None,
    assumptions: Annotated[
        Path | None,
        typer.Option("--assumptions", exists=True, dir_okay=False, help="Costs and rates, TOML."),
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", help="Who reports; the key's name unless given.")
    ] = "",
    tlp: Annotated[str, typer.Option("--tlp", help="How far it may go.")] = "TLP:AMBER",
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Also as PDF.")] = True,
    ledger: LedgerFolder = None,
) -> None:
    """Write the report for authorities and counsel: incident.json, incident.html, incident.pdf."""
    from stillwatch.evidence.incident.write import Options, write_incident

    options = Options(
        bundle=bundle,
        actions=actions,
        assumptions=assumptions,
        provider=provider,
        tlp=tlp,
        pdf=pdf,
    )
    target = out or results / "incident"
    for path in write_incident(results, campaign, target, open_registrar(ledger), options):
        typer.echo(str(path))
