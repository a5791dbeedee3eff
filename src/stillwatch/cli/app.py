"""The root command: registry of commands, version, and how failures look to people."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stillwatch._version import __version__
from stillwatch.cli import (
    adapter,
    attribute,
    cases,
    console,
    demo,
    lab,
    ledger,
    policy,
    provenance,
    replay,
    report,
    scan,
    selfcheck,
    serve,
    share,
    sketches,
    verify,
    watch,
)
from stillwatch.errors import StillwatchError

INTERRUPTED = 130
"""The shell's code for a program that was ended by SIGINT."""


class Root(TyperGroup):
    """The root group: turns errors meant for people into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a bug of ours still shows its traceback.

        Raises:
            typer.Exit: with the contract's exit code after the message was printed.
        """
        try:
            return super().invoke(ctx)
        except StillwatchError as error:
            _complain(str(error))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            raise  # the reader of our output has left: typer ends quietly
        except OSError as error:
            if error.filename is None:
                raise
            _complain(f"{error.filename}: {error.strerror}")
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            typer.echo(
                "\ninterrupted: run the same command again; a scan goes on where it was stopped",
                err=True,
            )
            raise typer.Exit(INTERRUPTED) from error


def _complain(message: str) -> None:
    typer.echo(f"error: {message}", err=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stillwatch {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="stillwatch",
    cls=Root,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # plain help needs a third of the time that drawn boxes need
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Find distillation campaigns in the request log of a model API."""


app.command("scan")(scan.scan_command)
app.command("demo")(demo.demo_command)
app.command("replay")(replay.replay_command)
app.command("serve")(serve.serve_command)
app.command("watch")(watch.watch_command)
app.add_typer(policy.app, name="policy")
app.command("adapter")(adapter.adapter_command)
app.command("console")(console.console_command)
app.add_typer(cases.app, name="cases")
app.add_typer(report.app, name="report")
app.add_typer(verify.app, name="verify")
app.add_typer(ledger.app, name="ledger")
app.add_typer(share.app, name="share")
app.add_typer(sketches.app, name="sketches")
app.command("selfcheck")(selfcheck.selfcheck_command)
app.add_typer(provenance.app, name="provenance")
app.add_typer(attribute.app, name="attribute")
app.add_typer(lab.app, name="lab")
