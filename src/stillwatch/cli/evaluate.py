"""`stillwatch lab evaluate` and `stillwatch lab coordination`: measuring, beside other methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Arrivals, Json, Out, Prompts, Quiet, Seed

if TYPE_CHECKING:
    from stillwatch.calibration import Range


def _split(values: list[str]) -> tuple[str, ...]:
    """Names given with commas, in several options, or both."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def _complete_sweep(incomplete: str) -> list[str]:
    from stillwatch.lab.evaluate import sweeps

    return [name for name in sweeps() if name.startswith(incomplete)]


def _complete_preset(incomplete: str) -> list[str]:
    from stillwatch.lab import presets

    return [name for name in presets() if name.startswith(incomplete)]


def evaluate_command(
    out: Out,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            autocompletion=_complete_preset,
            help="Built-in scenario or a file; may be given several times. Default: demo.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=0, help="Seeds of each scenario.")] = 20,
    null_runs: Annotated[
        int, typer.Option("--null-runs", min=0, help="Worlds without any campaign.")
    ] = 100,
    ablations: Annotated[
        list[str] | None,
        typer.Option(
            "--ablations", help="Evidence taken away, with commas: none,addresses,payments,..."
        ),
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option("--baselines", help="all, none, or names with commas. Default: all."),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            autocompletion=_complete_sweep,
            help="Power curve over one habit, instead of the scenarios; may be given repeatedly.",
        ),
    ] = None,
    prompts: Prompts = None,
    arrivals: Arrivals = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Cells run side by side. Default: one a core."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two seeds and small worlds: a first look.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure what is found and who is wronged, over seeds and missing evidence."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.lab.evaluate import Wanted, evaluate

    # a sweep is asked for by itself unless scenarios are named too
    default = () if sweep else ("demo",)
    wanted = Wanted(
        scenarios=tuple(scenario) if scenario else default,
        seeds=seeds,
        null_runs=0 if sweep and not scenario else null_runs,
        ablations=_split(ablations or ["none"]),
        baselines=_split(baselines or ["all"]),
        sweeps=tuple(sweep or ()),
        prompts=prompts,
        arrivals=arrivals,
        quick=quick,
    )
    with watch(quiet=quiet) as progress:
        result = evaluate(out, wanted, jobs=jobs, progress=progress)
    if as_json:
        print_json(result.values())
        return
    for section in result.sections:
        if section.table is None:
            continue
        typer.echo(section.title)
        columns = zip(section.table.headings, section.table.numbers, strict=True)
        print_table(
            [(heading, "right" if number else "left") for heading, number in columns],
            section.table.rows,
        )
    typer.echo(f"everything, with plots: {result.out / 'results.html'}")


def calibrate_command(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", exists=True, file_okay=False, help="Folders of lab evaluate."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="File to write.")],
    name: Annotated[str, typer.Option("--name", help="What results will call it.")],
    as_json: Json = False,
) -> None:
    """Make a calibration of worlds with known truth, for scans to be held against."""
    from datetime import UTC, datetime

    import msgspec

    from stillwatch.calibration import HABITS, dump_calibration
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.errors import InputError
    from stillwatch.lab.calibrate import calibrate

    found = calibrate(results, name=name, made=datetime.now(UTC).date().isoformat())
    try:
        out.write_bytes(dump_calibration(found))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=str(out)) from None
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        [
            ("kind", "left"),
            ("logs", "right"),
            ("wrong", "right"),
            ("innocent", "right"),
            ("accused", "right"),
            ("tested", "right"),
            *((habit, "right") for habit in HABITS),
        ],
        (
            (
                kind.name,
                f"{kind.logs:,}",
                f"{kind.wrong:,}",
                f"{kind.innocent:,}",
                f"{kind.accused:,}",
                f"{kind.tested:,}",
                *(_range(kind.habits.get(habit)) for habit in HABITS),
            )
            for kind in found.kinds
        ),
    )
    typer.echo(f"calibration: {out}")


def _range(found: Range | None) -> str:
    return "not used" if found is None else f"{found.low:.3f} to {found.high:.3f}"


def coordination_command(
    events: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, help="Parquet table of actions."
        ),
    ],
    columns: Annotated[
        str, typer.Option("--columns", help="Columns of account, object and time, with commas.")
    ] = "account,object,time",
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", exists=True, dir_okay=False, help="Parquet table of labelled accounts."
        ),
    ] = None,
    label_columns: Annotated[
        str, typer.Option("--label-columns", help="Columns of account and label, with a comma.")
    ] = "account,label",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the candidate stage alone on who acted on what and when."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.errors import UsageError
    from stillwatch.lab.coordination import compare, read_events, read_labels

    names, label_names = columns.split(","), label_columns.split(",")
    if len(names) != 3 or len(label_names) != 2:
        raise UsageError("--columns takes three names with commas, --label-columns two")
    actions = read_events(events, (names[0], names[1], names[2]))
    known = read_labels(labels, (label_names[0], label_names[1])) if labels else None
    with watch(quiet=quiet) as progress:
        found = compare(actions, known, seed=seed, progress=progress)
    if as_json:
        print_json([one.values(actions.size) for one in found])
        return
    typer.echo(f"{len(actions.when):,} actions of {actions.size:,} accounts")
    columns_shown = (
        "method",
        "nominated",
        "of all",
        "by chance",
        "beyond chance",
        "of the labelled",
    )
    print_table(
        [(name, "left" if n in {0, 5} else "right") for n, name in enumerate(columns_shown)],
        [
            (
                one.method,
                f"{one.accounts:,}",
                f"{one.accounts / actions.size:.1%}",
                f"{one.by_chance:,.0f}",
                f"{one.beyond_chance:.1%}" if one.accounts else "-",
                ", ".join(f"{n} of {total} {label}" for label, (n, total) in one.labelled.items()),
            )
            for one in found
        ],
    )
