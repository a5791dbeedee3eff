"""`stillwatch sketches`: sketches on their way between folders and object storage."""

from __future__ import annotations

from typing import Annotated

import typer

from stillwatch.cli.options import Json, Quiet

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Copy sketches to object storage, and back.",
)


@app.command("copy")
def copy_command(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="Folder or URL of sealed sketches.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="Folder or URL; s3://BUCKET/PREFIX, for example.")
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy sealed sketches; what lies there with the same content is not sent again."""
    import msgspec

    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json
    from stillwatch.copying import copy_store

    with watch(quiet=quiet) as progress:
        done = copy_store(source, target, progress=progress)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return
    typer.echo(
        f"{done.sent:,} files sent ({done.size:,} bytes), {done.kept:,} lay there already, "
        f"{done.removed:,} removed"
    )
