"""`stillwatch lab`: simulated providers with known truth, and how well scans find it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli import evaluate, leakage
from stillwatch.cli.options import Arrivals, Json, Out, Prompts, Quiet, Seed
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.lab import Scenario

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Simulate providers with known truth, and measure scans against it.",
)


def _complete_preset(incomplete: str) -> list[str]:
    from stillwatch.lab import presets

    return [name for name in presets() if name.startswith(incomplete)]


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
    prompts: Prompts = None,
    arrivals: Arrivals = None,
    compress: Annotated[bool, typer.Option("--compress", help="Write the log as .zst.")] = False,
    scale: Annotated[
        float,
        typer.Option("--scale", min=1e-6, help="Times as many accounts, in the same proportions."),
    ] = 1.0,
    quiet: Quiet = False,
) -> None:
    """Write a provider's log, with the truth about it."""
    from stillwatch.cli.progress import watch
    from stillwatch.lab import simulate

    plan = _scenario(preset, scenario)
    if scale != 1:
        plan = plan.resized(scale)
    if plan.sketches:
        if prompts or arrivals or compress:
            raise UsageError("this scenario is written as sketches, which have no text to choose")
        _simulate_sketches(plan, out, seed=seed, quiet=quiet)
        return
    with watch(quiet=quiet) as progress:
        made = simulate(
            plan,
            out,
            seed=seed,
            prompts=prompts,
            arrivals=arrivals,
            compress=compress,
            progress=progress,
        )
    typer.echo(f"{made.requests:,} requests: {made.log}")
    typer.echo(f"{sum(made.accounts_by_group.values()):,} accounts: {made.accounts}")
    typer.echo(f"{made.campaigns:,} campaigns among them: {made.truth}")


def _simulate_sketches(plan: Scenario, out: Path, *, seed: int, quiet: bool) -> None:
    from stillwatch.cli.progress import watch
    from stillwatch.lab.sketched import simulate_sketches
    from stillwatch.sketch import SketchKey

    with watch(quiet=quiet) as progress:
        made = simulate_sketches(plan, out, seed=seed, key=SketchKey.load(), progress=progress)
    typer.echo(f"{made.requests:,} requests, {made.harvested:,} of campaigns: {made.sketches}")
    typer.echo(f"{sum(made.accounts_by_group.values()):,} accounts: {made.accounts}")
    typer.echo(f"{made.campaigns:,} campaigns among them: {made.truth}")
    typer.echo(f"scan them: stillwatch scan --sketches {made.sketches} --accounts {made.accounts}")


def _scenario(name: str | None, file: Path | None) -> Scenario:
    from stillwatch.lab import load_scenario, preset, presets

    if name is not None and file is None:
        return preset(name)
    if file is not None and name is None:
        return load_scenario(file)
    raise UsageError(f"give either --preset ({', '.join(presets())}) or --scenario FILE")


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
    from stillwatch.cli.score import print_score, score_values
    from stillwatch.cli.tables import print_json
    from stillwatch.lab import score

    result = score(truth, results)
    if as_json:
        print_json(score_values(result))
    else:
        print_score(result)


@app.command("signups")
def signups_command(
    provider: Annotated[
        Path,
        typer.Argument(
            metavar="PROVIDER", exists=True, file_okay=False, help="Folder that simulate wrote."
        ),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let the accounts register again: who is asked for more than an e-mail address?"""
    from stillwatch.cases.extra import need_server

    need_server()
    from stillwatch.cli.progress import watch
    from stillwatch.cli.signups import print_signups, signup_values
    from stillwatch.cli.tables import print_json
    from stillwatch.lab.signups import score_signups
    from stillwatch.sketch import SketchKey

    with watch(quiet=quiet) as progress:
        found = score_signups(provider, key=SketchKey.load(), progress=progress)
    if as_json:
        print_json(signup_values(found))
    else:
        print_signups(found)


app.command("evaluate")(evaluate.evaluate_command)
app.command("calibrate")(evaluate.calibrate_command)
app.command("leakage")(leakage.leakage_command)
app.command("coordination")(evaluate.coordination_command)


@app.command("exchange")
def exchange_command(
    out: Out,
    kind: Annotated[
        str, typer.Option("--kind", help="Kind of adversary, as in scenarios.")
    ] = "cover_traffic",
    accounts: Annotated[
        int, typer.Option("--accounts", min=10, help="The operator's accounts, at both together.")
    ] = 80,
    second_share: Annotated[
        float, typer.Option("--second-share", help="Share of them at the second provider.")
    ] = 0.25,
    per_day: Annotated[
        float, typer.Option("--per-day", help="Requests of an account and day.")
    ] = 10.0,
    days: Annotated[int, typer.Option("--days", min=1, help="Days of work at each.")] = 9,
    delay: Annotated[
        int, typer.Option("--delay", min=0, help="Days until it comes to the second.")
    ] = 4,
    passing: Annotated[
        float,
        typer.Option("--passing", min=0, max=1, help="Share of its accounts that can verify."),
    ] = 0.1,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play two providers that one operator works: what leaks with and without sharing."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.lab.exchange import Plan, compare

    plan = Plan(
        kind=kind,
        accounts=accounts,
        second_share=second_share,
        per_day=per_day,
        days=days,
        delay=delay,
        passing=passing,
        seed=seed,
    )
    with watch(quiet=quiet) as progress:
        found = compare(plan, out, progress)
    if as_json:
        print_json(found.values())
        return
    print_table(
        [
            ("provider", "left"),
            ("requests", "right"),
            ("answered", "right"),
            ("leakage", "right"),
            ("first acted on", "right"),
            ("accused", "right"),
            ("to verify", "right"),
            ("honest accused", "right"),
            ("honest to verify", "left"),
        ],
        (
            (
                name,
                f"{o.requests:,}",
                f"{o.answered:,}",
                f"{o.leakage:.0%}",
                f"day {o.first_action}" if o.first_action is not None else "never",
                str(o.accused),
                str(o.verified),
                str(o.honest_accused),
                str(o.honest_verified),
            )
            for name, o in (
                ("first", found.first),
                ("second, alone", found.alone),
                ("second, sharing", found.sharing),
            )
        ),
    )
