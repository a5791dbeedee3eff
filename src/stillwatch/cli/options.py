"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def complete_format(incomplete: str) -> list[str]:
    """Names of formats, for the shell's completion."""
    from stillwatch.readers import READERS

    return [reader.name for reader in READERS if reader.name.startswith(incomplete)]


Out = Annotated[
    Path, typer.Option("--out", "-o", file_okay=False, help="Folder for the results; made if new.")
]
Accounts = Annotated[
    Path | None,
    typer.Option("--accounts", help="The provider's account file: JSONL, CSV or Parquet."),
]
Declared = Annotated[
    Path | None,
    typer.Option("--declared", help="The provider's list of declared structure, TOML."),
]
Priors = Annotated[
    Path | None,
    typer.Option("--priors", help="Where partners say to look: priors.parquet of share match."),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        dir_okay=False,
        envvar="STILLWATCH_CALIBRATION",
        help="What lab calibrate wrote, to hold the log against; the packaged one unless given.",
    ),
]
ScanLedger = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        file_okay=False,
        envvar="STILLWATCH_LEDGER",
        help="Folder of the ledger that the scan is entered into; none unless given.",
    ),
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        autocompletion=complete_format,
        help="Format of the log; found by content unless given.",
    ),
]
Prompts = Annotated[
    Path | None,
    typer.Option("--prompts", exists=True, dir_okay=False, help="Parquet file of real prompts."),
]
Arrivals = Annotated[
    Path | None,
    typer.Option(
        "--arrivals", exists=True, dir_okay=False, help="Parquet file of real arrival rates."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of every random choice.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Memory = Annotated[
    str, typer.Option("--memory", help="Most memory the engine may take, such as 4GB.")
]
Growth = Annotated[
    float,
    typer.Option("--growth", min=0, help="Share by which the log must grow for another scan."),
]
