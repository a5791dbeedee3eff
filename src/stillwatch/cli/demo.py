"""`stillwatch demo`: the main job on a simulated provider, from log to report."""

from __future__ import annotations

from pathlib import Path

import typer

from stillwatch.cli.options import Out, Quiet, Seed


def demo_command(out: Out = Path("demo"), seed: Seed = 0, quiet: Quiet = False) -> None:
    """Simulate a provider, scan its log and compare what was found with the truth."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.score import print_score
    from stillwatch.cli.tables import print_campaigns
    from stillwatch.lab import preset, score, simulate
    from stillwatch.scanning import scan

    provider, results = out / "provider", out / "scan"
    with watch(quiet=quiet) as progress:
        made = simulate(preset("demo"), provider, seed=seed, progress=progress)
        found = scan([made.log], accounts=made.accounts, out=results, seed=seed, progress=progress)
    print_campaigns(found.findings)
    print_score(score(provider, results))
    typer.echo(
        f"""
report: {results / "report.html"}

next:
  stillwatch scan {made.log} --accounts {made.accounts} --out {results} --json
  stillwatch lab score {provider} {results} --json
  stillwatch cases import {results} --accounts {made.accounts} --database {out / "console.db"}
  stillwatch serve --database {out / "console.db"}    (needs: pip install 'stillwatch[server]')
  stillwatch scan YOUR_LOG --out RESULTS"""
    )
