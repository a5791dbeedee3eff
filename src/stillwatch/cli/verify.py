"""`stillwatch verify`: check a bundle of evidence, or a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.defaulting import group_with_default
from stillwatch.cli.options import Json

if TYPE_CHECKING:
    from stillwatch.evidence.ledger.log import Entry
    from stillwatch.evidence.signing import PublicKey

app = typer.Typer(
    cls=group_with_default("bundle"),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check a bundle of evidence (verify FILE), or a ledger (verify ledger DIR).",
)

Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--keys", exists=True, dir_okay=False, help="File of keys that the provider published."
    ),
]

WIDTH = 12
LAST_SCANS = 10


def trusted_keys(files: list[Path] | None) -> list[PublicKey]:
    """The keys in some files."""
    from stillwatch.evidence.signing import read_keys

    return [key for path in files or [] for key in read_keys(path)]


@app.command("bundle")
def bundle_command(
    bundle: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A bundle.")
    ],
    keys: Keys = None,
    as_json: Json = False,
) -> None:
    """Check every signature and proof of a bundle, and do its statistics again. Works offline."""
    from stillwatch.cli.tables import print_json
    from stillwatch.cli.text import plain
    from stillwatch.evidence.bundle.verify import verify_bundle

    done = verify_bundle(bundle, trusted_keys(keys))
    if as_json:
        checks = [{"name": c.name, "result": str(c.result), "text": c.text} for c in done.checks]
        print_json({"file": done.file, "sound": done.sound, "checks": checks})
    else:
        for check in done.checks:
            typer.echo(f"{str(check.result).upper():{WIDTH}} {plain(check.text, limit=1000)}")
        typer.echo(_conclusion(done.sound))
    raise typer.Exit(0 if done.sound else 1)


def _scan(index: int, entry: Entry) -> str:
    told = entry.payload
    what, content = next(
        ((n, told[n]) for n in ("findings", "snapshot") if n in told), ("content", told.get("scan"))
    )
    return (
        f"entry {index} of {entry.at}: {what} {content}, code {str(told.get('code'))[:12]}, "
        f"thresholds {str(told.get('thresholds'))[:12]}, calibration {told.get('calibration')}"
    )


def _conclusion(sound: bool) -> str:
    if sound:
        return "sound: everything that could be checked holds"
    return "NOT SOUND: do not rely on this bundle"


@app.command("ledger")
def ledger_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="A ledger.")
    ],
    keys: Keys = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            exists=True,
            dir_okay=False,
            help="A checkpoint of this ledger that was kept elsewhere; may be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a ledger from its first entry to its last; says where something is wrong."""
    from stillwatch.cli.tables import print_json
    from stillwatch.cli.text import plain
    from stillwatch.evidence.ledger import audit

    done = audit(folder, trusted_keys(keys), against or [])
    if as_json:
        print_json(
            {
                "origin": done.origin,
                "size": done.size,
                "pending": done.pending,
                "sound": done.sound,
                "problems": [{"where": p.where, "what": p.what} for p in done.problems],
                "scans": [
                    {"index": index, "at": entry.at, **entry.payload} for index, entry in done.scans
                ],
                "checked": done.checked,
                "unchecked": done.unchecked,
            }
        )
    else:
        lines = [
            *(("CHECKED", text) for text in done.checked if done.sound),
            *(("NOT CHECKED", text) for text in done.unchecked),
            *(("FAILED", f"{problem.where}: {problem.what}") for problem in done.problems),
        ]
        lines += [("SCAN", _scan(index, entry)) for index, entry in done.scans[-LAST_SCANS:]]
        for label, text in lines:
            typer.echo(f"{label:{WIDTH}} {plain(text, limit=1000)}")
        typer.echo(
            f"sound: {done.size:,} entries"
            if done.sound
            else f"NOT SOUND: {len(done.problems)} problems in {done.size:,} entries"
        )
    raise typer.Exit(0 if done.sound else 1)
