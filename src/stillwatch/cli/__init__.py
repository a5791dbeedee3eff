"""The command line: one thin module a command, and what the commands share.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Results go to standard output or to
files, progress and errors to standard error.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that the process's arguments name; the console script's entry point."""
    from stillwatch.cli.app import app

    app()
