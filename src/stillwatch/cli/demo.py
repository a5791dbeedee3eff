"""`stillwatch demo`: the main job on a simulated provider, from log to report."""

from __future__ import annotations

import typer

from stillwatch.cli.demo_folder import DEFAULT, DemoFolder
from stillwatch.cli.options import Out, Quiet, Seed


def demo_command(out: Out = DEFAULT, seed: Seed = 0, quiet: Quiet = False) -> None:
    """Simulate a provider, scan its log and compare what was found with the truth."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.score import print_score
    from stillwatch.cli.tables import print_campaigns
    from stillwatch.lab import preset, score, simulate
    from stillwatch.scanning import scan

    folder = DemoFolder(out)
    provider, results = folder.provider, folder.results
    with watch(quiet=quiet) as progress:
        made = simulate(preset("demo"), provider, seed=seed, progress=progress)
        found = scan([made.log], accounts=made.accounts, out=results, seed=seed, progress=progress)
    print_campaigns(found.findings)
    print_score(score(provider, results))
    if out == DEFAULT:
        console = "  stillwatch serve"
    else:
        console = f"""\
  stillwatch cases import {results} --accounts {made.accounts} --database {folder.database}
  stillwatch serve --database {folder.database}"""
    typer.echo(
        f"""
report: {results / "report.html"}

next:
  stillwatch scan {made.log} --accounts {made.accounts} --out {results} --json
  stillwatch lab score {provider} {results} --json
{console}    (the console; needs: pip install 'stillwatch[server]')
  stillwatch scan YOUR_LOG --out RESULTS"""
    )
