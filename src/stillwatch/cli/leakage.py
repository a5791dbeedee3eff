"""`stillwatch lab leakage`: how much campaigns get before they are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Json, Out, Quiet, Seed

if TYPE_CHECKING:
    from stillwatch.lab.leakage import Leakage
    from stillwatch.lab.reacting import Outcome


def leakage_command(
    out: Out,
    preset: Annotated[str, typer.Option("--preset", help="Name of a built-in scenario.")] = "demo",
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Policy; the built-in one unless given.")
    ] = None,
    every: Annotated[str, typer.Option("--every", help="Shortest time between scans.")] = "1h",
    growth: Annotated[
        float,
        typer.Option("--growth", min=0, help="Share by which the log must grow for another scan."),
    ] = 0.25,
    react: Annotated[
        bool, typer.Option("--react", help="Operators answer: new accounts, retries, new model.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a provider, replay its log through the guard, and say what leaked."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json
    from stillwatch.lab import preset as scenario
    from stillwatch.lab import simulate
    from stillwatch.lab.leakage import campaigns_of, leakage
    from stillwatch.lab.reacting import Operators
    from stillwatch.replay import replay

    operators: list[Operators] = []
    with watch(quiet=quiet) as progress:
        made = simulate(scenario(preset), out / "provider", seed=seed, progress=progress)
        campaign_of = campaigns_of(made.truth.parent)

        def reacting(guard: Any) -> Operators:
            operators.append(Operators(campaign_of, guard, seed))
            return operators[0]

        done = replay(
            [made.log],
            out=out / "replay",
            accounts=made.accounts,
            policy=policy,
            every=every,
            growth=growth,
            reacting=reacting if react else None,
            progress=progress,
        )
    found = leakage(made.truth.parent, done.decisions)
    got = dict(operators[0].outcomes) if operators else {}
    if as_json:
        print_json({"scans": done.scans, **_values(found, got)})
        return
    _show(found, got)
    typer.echo(f"{done.scans} scans on the way")


def _values(found: Leakage, got: dict[str, Outcome]) -> dict[str, Any]:
    from dataclasses import asdict

    campaigns: list[dict[str, Any]] = [
        {**asdict(one), "leakage": one.leakage} for one in found.campaigns
    ]
    if got:
        campaigns = [
            {
                "campaign": name,
                "wanted": one.wanted,
                "answered": one.answered,
                "restricted": one.restricted,
                "accounts": one.accounts,
                "leakage": one.leakage,
                "exchanges": one.median,
            }
            for name, one in sorted(got.items())
        ]
    return {"campaigns": campaigns, "others": [asdict(one) for one in found.hurt]}


def _show(found: Leakage, got: dict[str, Outcome]) -> None:
    from stillwatch.cli.tables import print_table

    right = [(name, "right") for name in ("accounts", "requests", "leakage", "median exchanges")]
    rows = [
        (one.campaign, f"{one.accounts:,}", f"{one.requests:,}", f"{one.leakage:.1%}",
         f"{one.exchanges:g}")
        for one in found.campaigns
    ]  # fmt: skip
    if got:
        rows = [
            (name, f"{one.accounts:,}", f"{one.wanted:,}", f"{one.leakage:.1%}", f"{one.median:g}")
            for name, one in sorted(got.items())
        ]
    print_table([("campaign", "left"), *right], rows)
    for one in found.hurt:
        typer.echo(
            f"{one.kind}: {one.hit:,} of {one.requests:,} requests throttled or challenged, "
            f"{one.restricted:,} restricted; {one.accounts_hit:,} accounts hit, "
            f"{one.suspended:,} suspended"
        )
