"""`stillwatch serve`: the guard and the people's console as one service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stillwatch.cli.demo_folder import DemoFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from stillwatch.serving import Settings
    from stillwatch.serving.nested import Handler


def serve_command(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file; see docs/guard.md for its keys."),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="Port to listen on.")
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Policy file.")] = None,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="Snapshot of what is in force.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="STILLWATCH_DATABASE",
            help="Serve the console, too: file of an SQLite database, or postgresql://...",
        ),
    ] = None,
    console_config: Annotated[
        Path | None,
        typer.Option("--console-config", exists=True, dir_okay=False, help="Console settings."),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log every request, too.")
    ] = False,
) -> None:
    """Decide about requests over HTTP, in shadow mode unless the policy says otherwise.

    With --database, investigators' console, customers' pages and the API for sign-ups and
    verification are served on the same port, and what people decide is in force at once. Without
    any of the files, the console shows the demo, if one ran here.
    """
    import msgspec

    from stillwatch.serving import Application, Service, Settings, load_settings
    from stillwatch.serving.run import log_to_stderr, run
    from stillwatch.serving.settings import Secrets, check_exposure
    from stillwatch.sketch import SketchKey

    settings = load_settings(config) if config else Settings()
    given = {"host": host, "port": port, "policy": policy, "snapshot": snapshot}
    changed = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in given.items()
        if value is not None
    }
    settings = msgspec.structs.replace(settings, **changed)
    pages, challenged = None, None
    if not (database or config or settings.snapshot or settings.policy):
        demo = DemoFolder()
        database = _of_demo(demo)
        if database:
            settings = msgspec.structs.replace(settings, accounts=str(demo.accounts))
    if database:
        if not settings.snapshot:
            settings = msgspec.structs.replace(settings, snapshot=_beside(database))
        pages, challenged = _console(database, console_config, settings)
    secrets = Secrets.load()
    check_exposure(settings, secrets)
    log_to_stderr()  # after the console, which sets up logging of its own
    service = Service(settings, secrets, key=SketchKey.load())
    run(Application(service, pages, challenged), settings, access_log=access_log)


def _of_demo(demo: DemoFolder) -> str | None:
    """The database of the demo that ran here, its campaigns taken in; None without a demo."""
    if not demo.complete:
        typer.echo(
            "no console: run `stillwatch demo` first, or name a database with --database", err=True
        )
        return None
    from stillwatch.cli.cases import open_storage

    storage = open_storage(str(demo.database))
    from stillwatch.cases.actors import system
    from stillwatch.cases.importing import import_scan

    import_scan(storage, demo.results, actor=system("demo"), accounts=demo.accounts)
    storage.close()
    typer.echo(f"the demo in {demo.root}/, with what people decide in {demo.database}", err=True)
    return str(demo.database)


def _beside(database: str) -> str:
    """Where the console puts what is in force, and the guard reads it, if nobody says where."""
    server = "://" in database
    return "snapshot.json" if server else str(Path(database).with_name("snapshot.json"))


def _console(
    database: str, config: Path | None, settings: Settings
) -> tuple[Handler, Callable[[str, str], None]]:
    """The console, and what is to be told of accounts that the guard challenges."""
    from stillwatch.cli.cases import open_storage
    from stillwatch.cli.console import open_console

    app = open_console(
        open_storage(database),
        database,
        config,
        Path(settings.snapshot),
        f"http://127.0.0.1:{settings.port}",
        policy=Path(settings.policy) if settings.policy else None,
        accounts=Path(settings.accounts) if settings.accounts else None,
    )
    # Litestar spells the types of an ASGI application its own way
    return cast("Handler", app), app.state.workers.challenged.add
