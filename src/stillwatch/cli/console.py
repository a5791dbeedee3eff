"""`stillwatch console`: the investigators' console on one port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.cases import Database, open_storage

if TYPE_CHECKING:
    from litestar import Litestar

    from stillwatch.cases import Storage


def console_command(
    database: Database,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port.")] = 8470,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    config: Annotated[
        Path | None,
        typer.Option("--config", exists=True, dir_okay=False, help="Settings (TOML)."),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(
            "--snapshot", dir_okay=False, help="File for the guard: what is in force, kept current."
        ),
    ] = None,
) -> None:
    """Serve the console: cases, decisions, appeals, verification, sign-ups.

    The first run prints a link that works once and makes the first administrator.
    """
    storage = open_storage(database)
    import uvicorn

    app = open_console(storage, database, config, snapshot, f"http://{host}:{port}")
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)


def open_console(
    storage: Storage,
    database: str,
    config: Path | None,
    snapshot: Path | None,
    here: str,
    *,
    policy: Path | None = None,
    accounts: Path | None = None,
) -> Litestar:
    """The console over an opened database; prints where it is, and the first link if there is one.

    Args:
        storage: the database, migrated.
        database: its address.
        config: settings file.
        snapshot: file for the guard.
        here: address under which it is served unless the settings say otherwise.
        policy: the guard's policy file.
        accounts: the account file.
    """
    from stillwatch.cases.actors import system
    from stillwatch.cases.people import first_link
    from stillwatch.console import create_app, load_settings

    settings = load_settings(database, config, snapshot=snapshot, policy=policy, accounts=accounts)
    with storage.write(system("setup")) as unit:
        first = first_link(unit)
    address = settings.base_url if config else here
    if first:
        typer.echo(f"first administrator: {address}/setup/{first[1]}", err=True)
        typer.echo("(the link works once, for 24 hours)", err=True)
    typer.echo(f"console: {address}", err=True)
    return create_app(settings, storage)
