"""`stillwatch serve`: the guard as a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log every request, too.")
    ] = False,
) -> None:
    """Decide about requests over HTTP, in shadow mode unless the policy says otherwise."""
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
    secrets = Secrets.load()
    check_exposure(settings, secrets)
    service = Service(settings, secrets, key=SketchKey.load())
    log_to_stderr()
    run(Application(service), settings, access_log=access_log)
