"""`stillwatch selfcheck`: how a customer's own traffic looks to a detector."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, LogFormat, Memory, Quiet
from stillwatch.cli.text import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from stillwatch.selfcheck import Check
    from stillwatch.selfcheck.terms import TermsCheck


def complete_terms(incomplete: str) -> list[str]:
    """Names of example terms, for the shell's completion."""
    from stillwatch.selfcheck.terms import examples

    return [name for name in examples() if name.startswith(incomplete)]


def selfcheck_command(
    logs: Annotated[
        list[str],
        typer.Argument(
            metavar="LOG",
            help="Your own log: files, folders or globs, also .gz and .zst; - for stdin.",
        ),
    ],
    terms: Annotated[
        str | None,
        typer.Option(
            "--terms",
            autocompletion=complete_terms,
            help="A provider's terms: a TOML file, or the name of an example.",
        ),
    ] = None,
    use: Annotated[
        list[str] | None,
        typer.Option("--use", help="What you use the answers for; may be repeated."),
    ] = None,
    log_format: LogFormat = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", file_okay=False, help="Folder for selfcheck.html."),
    ] = None,
    memory: Memory = "4GB",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how your own traffic looks to a detector, and what to declare.

    Nothing leaves the machine, and nothing stays on it but what --out asks for.
    """
    from stillwatch.cli.progress import watch
    from stillwatch.selfcheck import selfcheck

    with watch(quiet=quiet) as progress:
        check = selfcheck(
            logs,
            format=log_format,
            terms=terms,
            uses=use or (),
            memory=memory,
            progress=progress,
        )
    if as_json:
        _print_json(check)
    else:
        _print(check)
    if out is not None:
        from stillwatch.scanning import folder_of
        from stillwatch.selfcheck.page import write_page

        page = folder_of(out) / "selfcheck.html"
        write_page(check, page)
        typer.echo(f"report: {page}", err=as_json)


def _print_json(check: Check) -> None:
    import msgspec

    from stillwatch.cli.tables import print_json

    traits = check.traits
    print_json(
        {
            "requests": traits.requests,
            "accounts": traits.accounts,
            "end_users": traits.end_users,
            "rejected": check.rejected,
            "reads_like": msgspec.to_builtins(check.reading),
            "statements": msgspec.to_builtins(check.statements),
            "frictions": msgspec.to_builtins(check.frictions),
            "terms": msgspec.to_builtins(check.terms),
        }
    )


def _print(check: Check) -> None:
    from rich.table import Table
    from rich.text import Text

    _title(f"This reads like: {check.reading.topic}")
    _say(check.reading.text)
    _title("How it looks")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for statement in check.statements:
        grid.add_row(Text(statement.topic), _text(statement.text))
    _console().print(grid)
    _print_frictions(check)
    if check.terms is not None:
        _print_terms(check.terms)
    if check.rejected:
        _say(f"{check.rejected:,} records could not be read and are left out.")
    _say(
        "This is how the log looks from outside, not a verdict and not a pass: a provider compares "
        "it with its other customers, whom this log does not show."
    )


def _print_frictions(check: Check) -> None:
    from stillwatch.report.wording import label

    _title("What may raise a question")
    for friction in check.frictions:
        _say(f"{label(friction.name)}: {friction.why}")
        if not friction.alone:
            _say("It only adds weight to other things.", 2)
        for sentence in friction.declare:
            _say(f"- {sentence}", 2)
    if not check.frictions:
        _say("Nothing in this log by itself. The provider may see more than this log does.")


def _print_terms(terms: TermsCheck) -> None:
    from stillwatch.cli.tables import print_table

    _title(f"{terms.title} (a comparison with a file, no legal advice)")
    if not terms.findings:
        _say("No use was declared, and none shows.")
        return
    print_table(
        (("use", "left"), ("why", "left"), ("the terms", "left"), ("what they say", "left")),
        (
            (
                finding.use,
                finding.because,
                finding.answer,
                " ".join(
                    [finding.says, *(f"Needs: {n.replace('_', ' ')}." for n in finding.needs)]
                ),
            )
            for finding in terms.findings
        ),
    )


def _console() -> Console:
    from rich.console import Console

    from stillwatch.cli.tables import FILE_WIDTH

    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)


def _title(text: str) -> None:
    from rich.text import Text

    _console().print(Text(f"\n{plain(text)}", style="bold"))


def _say(text: str, indent: int = 0) -> None:
    from rich.padding import Padding

    _console().print(Padding(_text(text), (0, 0, 0, indent), expand=False))


def _text(text: str) -> Text:
    """For a terminal, whose fonts and encodings may lack the page's narrow space."""
    from rich.text import Text

    from stillwatch.report.wording import NARROW

    return Text(plain(text.replace(NARROW, " "), limit=2000))
