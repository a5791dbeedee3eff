"""`stillwatch adapter`: where the file is that plugs the guard into a gateway."""

from __future__ import annotations

from typing import Annotated

import typer

STANDALONE = ("litellm",)
"""Adapters that need nothing of Stillwatch but the service, so that they can be copied."""


def adapter_command(
    name: Annotated[str, typer.Argument(help=f"Which one: {', '.join(STANDALONE)}.")],
) -> None:
    """Print the path of an adapter that is to be copied beside a gateway's configuration."""
    from importlib.resources import files

    from stillwatch.errors import UsageError

    if name not in STANDALONE:
        raise UsageError(f"no adapter {name!r} to copy; there are {', '.join(STANDALONE)}")
    typer.echo(files("stillwatch.guard.adapters") / f"{name}.py")
