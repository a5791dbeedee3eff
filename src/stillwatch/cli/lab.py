"""`stillwatch lab`: simulated providers with known truth, and how well a scan found it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, Out, Quiet, Seed
from stillwatch.errors import UsageError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Simulate a provider with known truth, and score a scan against it.",
)


def _complete_preset(incomplete: str) -> list[str]:
    from stillwatch.lab import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


@app.command("simulate")
def simulate_command(
    out: Out,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", autocompletion=_complete_preset, help="Name of a built-in scenario."
        ),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", exists=True, dir_okay=False, help="A scenario of your own."),
    ] = None,
    seed: Seed = 0,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts", exists=True, dir_okay=False, help="Parquet file of real prompts."
        ),
    ] = None,
    arrivals: Annotated[
        Path | None,
        typer.Option("--arrivals", exists=True, help="Real arrival times to take the shape of."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a provider's log, with the truth about it."""
    from stillwatch.cli.progress import watch
    from stillwatch.lab import load_preset, load_scenario, simulate

    if (preset is None) == (scenario is None):
        raise UsageError("give either --preset NAME or --scenario FILE")
    plan = load_preset(preset) if preset is not None else load_scenario(scenario)
    with watch(quiet=quiet) as progress:
        simulate(plan, out, seed=seed, prompts=prompts, arrivals=arrivals, progress=progress)
    typer.echo(f"log, accounts and truth: {out}")


@app.command("score")
def score_command(
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH", exists=True, file_okay=False, help="Folder that simulate wrote."
        ),
    ],
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", exists=True, file_okay=False, help="Folder that scan wrote."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Compare the verdicts of a scan with the truth, group by group."""
    from stillwatch.cli.tables import print_json
    from stillwatch.lab import score

    result = score(truth, results)
    if as_json:
        print_json(result)
        return
