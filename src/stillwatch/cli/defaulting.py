"""A group of commands that is itself a command: `verify FILE` beside `verify ledger DIR`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


def group_with_default(default: str) -> type[TyperGroup]:
    """A group that runs one of its commands where the first argument names none of them."""

    class Defaulting(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            shows_help = bool(args) and args[0] in ctx.help_option_names
            if args and args[0] not in self.commands and not shows_help:
                args = [default, *args]
            return super().parse_args(ctx, args)

    return Defaulting
