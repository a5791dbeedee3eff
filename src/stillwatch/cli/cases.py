"""`stillwatch cases`: a scan's campaigns as cases, and what the console's database needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, Quiet

if TYPE_CHECKING:
    from stillwatch.cases import Storage

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Take scans into the console's database, and look after it.",
)

Database = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="STILLWATCH_DATABASE",
        help="File of an SQLite database, or postgresql://USER@HOST/NAME.",
    ),
]


def open_storage(database: str) -> Storage:
    """The database, its schema up to date."""
    from stillwatch.cases.extra import need_server

    need_server()
    from stillwatch.cases import Storage
    from stillwatch.sketch import SketchKey

    storage = Storage(database, key=SketchKey.load())
    storage.migrate()
    return storage


@app.command("import")
def import_command(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", exists=True, file_okay=False, help="Folder of a scan."),
    ],
    database: Database,
    accounts: Annotated[
        Path | None,
        typer.Option("--accounts", exists=True, dir_okay=False, help="The account file."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make cases of the campaigns that a scan found; known operators keep their case."""
    storage = open_storage(database)
    from stillwatch.cases.actors import system
    from stillwatch.cases.importing import import_scan
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json

    with watch(quiet=quiet) as progress:
        done = import_scan(
            storage, results, actor=system("import"), accounts=accounts, progress=progress
        )
    storage.close()
    if as_json:
        print_json(
            {
                "scan": done.scan_id,
                "already": done.already,
                "accounts": done.accounts,
                "opened": [f"C-{number}" for number in done.opened],
                "seen_again": [f"C-{number}" for number in done.seen_again],
            }
        )
    elif done.already:
        typer.echo("these results were taken in before; nothing was changed")
    else:
        typer.echo(
            f"{done.accounts:,} accounts, {len(done.opened):,} cases opened, "
            f"{len(done.seen_again):,} seen again"
        )


@app.command("step-up")
def step_up_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="VERIFY.json", exists=True, dir_okay=False, help="Of share match."),
    ],
    database: Database,
) -> None:
    """Propose to ask accounts to verify that show partners' indicators; a person approves it."""
    storage = open_storage(database)
    from stillwatch.cases.step_up import propose_step_up
    from stillwatch.standing import load_step_up

    done = propose_step_up(storage, load_step_up(file))
    storage.close()
    typer.echo(
        f"{done.accounts:,} accounts in {len(done.decisions)} decisions to approve, "
        f"{done.known:,} proposed before, {done.unknown:,} not in the database"
    )
    if done.unasked:
        names = ", ".join(f"D-{number}" for number in done.unasked)
        typer.echo(
            f"{done.no_longer:,} accounts show no indicator in force any more: look at {names}, "
            "and undo or reject what has no reason left"
        )


@app.command("audit")
def audit_command(
    database: Database,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries after this.")] = 0,
) -> None:
    """Print the audit trail as JSON Lines; fails where the chain does not hold."""
    storage = open_storage(database)
    from stillwatch.cases.audit import entries_after, first_break
    from stillwatch.errors import InputError

    with storage.read() as session:
        broken = first_break(session)
        while entries := list(entries_after(session, after)):
            for entry in entries:
                typer.echo(entry.payload.decode())
            after = entries[-1].sequence
    storage.close()
    if broken is not None:
        raise InputError(f"the audit trail is broken at entry {broken}", file=database)


@app.command("feedback")
def feedback_command(database: Database) -> None:
    """Print what people found out about accounts as JSON Lines, for calibration."""
    storage = open_storage(database)
    import msgspec

    from stillwatch.cases.feedback import feedback, realised

    with storage.read() as session:
        for row in feedback(session):
            typer.echo(msgspec.json.encode(row).decode())
        fared = realised(session)
    if fared is not None:
        typer.echo(
            f"{fared.fallen} of {fared.judged} accusations fell ({fared.low:.1%} to "
            f"{fared.high:.1%}); scans promise {fared.promised:.1%}",
            err=True,
        )
    storage.close()


@app.command("erase")
def erase_command(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As the log names it.")],
    database: Database,
) -> None:
    """Erase an account's personal data; the audit trail keeps its proofs."""
    storage = open_storage(database)
    from stillwatch.cases.actors import system
    from stillwatch.cases.retention import erase

    with storage.write(system("command line")) as unit:
        name = erase(unit, account)
    storage.close()
    typer.echo(f"erased; its counts go on as {name}")
