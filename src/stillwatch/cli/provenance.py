"""`stillwatch provenance`: where training data comes from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.defaulting import group_with_default
from stillwatch.cli.options import Json, Quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.provenance import Trace
    from stillwatch.provenance.tracing import SourceTally

app = typer.Typer(
    cls=group_with_default("check"),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Where training data comes from (provenance DATASET), and registers of known texts.",
)


class Made(StrEnum):
    """Who made the texts of a corpus."""

    GENERATED = "generated"
    ORIGINAL = "original"


TextField = Annotated[
    str | None, typer.Option("--text", help="Field with the text; the usual ones unless given.")
]


@app.command("check")
def check_command(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET", exists=True, help="A JSONL, JSON or Parquet file, or a folder."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", file_okay=False, help="Folder for manifest, bill, rows and report."
        ),
    ] = None,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            "--answers",
            exists=True,
            dir_okay=False,
            help="A register of known texts; may be repeated.",
        ),
    ] = None,
    watermark: Annotated[
        list[str] | None,
        typer.Option("--watermark", metavar="NAME=KEYFILE", help="A test for a watermark."),
    ] = None,
    text: TextField = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Field with the source; the usual ones unless given."),
    ] = None,
    heed: Annotated[
        bool, typer.Option("--declared/--no-declared", help="Whether declarations count.")
    ] = True,
    max_unknown: Annotated[
        float | None,
        typer.Option("--max-unknown", help="Fail if a larger share is unknown, such as 0.01."),
    ] = None,
    max_generated: Annotated[
        float | None, typer.Option("--max-generated", help="The same for rows of models.")
    ] = None,
    max_contradicted: Annotated[
        float | None,
        typer.Option("--max-contradicted", help="The same for rows that are not as declared."),
    ] = None,
    max_rejected: Annotated[
        float | None,
        typer.Option("--max-rejected", help="The same for records that cannot be read."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which rows are original, a model's, or of unknown origin; exit 1 if a gate fails."""
    from stillwatch.cli.progress import watch
    from stillwatch.provenance import trace
    from stillwatch.provenance.bom import need_bom
    from stillwatch.provenance.gate import Gate
    from stillwatch.provenance.rows import Fields
    from stillwatch.scanning import folder_of

    gate = Gate(max_unknown, max_generated, max_contradicted, max_rejected)
    if out is not None:
        need_bom()
        out = folder_of(out)
    with watch(quiet=quiet) as progress:
        found = trace(
            dataset,
            out=out,
            registers=answers or (),
            fields=Fields(text, source),
            heed=heed,
            watermarks=watermark or (),
            progress=progress,
        )
    failures = gate.failures(found)
    _print(found, failures, as_json=as_json)
    if out is not None:
        _write(found, failures if gate != Gate() else None, out)
        typer.echo(f"report: {out / 'report.html'}", err=as_json)
    if failures:
        raise typer.Exit(1)


@app.command("register")
def register_command(
    corpus: Annotated[
        Path,
        typer.Argument(
            metavar="CORPUS", exists=True, help="Texts of known origin: a file or a folder."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Of the corpus, such as the model's.")],
    out: Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="The register.")],
    origin: Annotated[Made, typer.Option("--origin", help="Who made the texts.")] = Made.GENERATED,
    text: TextField = None,
    quiet: Quiet = False,
) -> None:
    """Sketch texts of known origin, to find their near-duplicates. The register holds no text."""
    from stillwatch.cli.progress import watch
    from stillwatch.provenance.registry import save
    from stillwatch.provenance.rows import Fields, Origin
    from stillwatch.provenance.tracing import register
    from stillwatch.sketch import SketchKey

    key = SketchKey.load()
    with watch(quiet=quiet) as progress:
        made = register(
            corpus,
            name=name,
            origin=Origin(origin.value),
            fields=Fields(text),
            key=key,
            progress=progress,
        )
    save(made, key, out)
    typer.echo(f"register: {out} ({len(made):,} texts)")


def _write(found: Trace, failures: Sequence[str] | None, out: Path) -> None:
    from stillwatch.provenance.bom import write_bom
    from stillwatch.provenance.manifest import manifest, write_manifest
    from stillwatch.provenance.page import write_page

    made = manifest(found)
    write_manifest(made, out / "manifest.json")
    write_bom(found, made, out / "bom.json")
    write_page(found, failures, out / "report.html")


def _print(found: Trace, failures: Sequence[str], *, as_json: bool) -> None:
    from stillwatch.cli.tables import MAX_ROWS, print_json, print_table
    from stillwatch.report.wording import plural

    if as_json:
        print_json(
            {
                "rows": found.total.rows,
                "rejected": found.rejected,
                "total": _values(found.total),
                "sources": [_values(source) for source in found.sources],
                "failures": list(failures),
            }
        )
        return
    rejected = f", {plural(found.rejected, 'record')} rejected" if found.rejected else ""
    rows, sources = plural(found.total.rows, "row"), plural(len(found.sources), "source")
    typer.echo(_plain(f"{rows} of {sources}{rejected}"))
    columns = [(name, "right") for name in ("rows", "original", "generated", "unknown")]
    shown = [*found.sources[:MAX_ROWS], found.total]
    print_table([("source", "left"), *columns, ("rests on", "left")], map(_cells, shown))
    if len(found.sources) > MAX_ROWS:
        typer.echo(f"and {len(found.sources) - MAX_ROWS:,} more sources")
    if found.total.contradicted:
        typer.echo(f"{found.total.contradicted:,} rows are not what they are declared as")
    for failure in failures:
        typer.echo(f"failed: {_plain(failure)}", err=True)


def _cells(source: SourceTally) -> tuple[str, ...]:
    from stillwatch.provenance.rows import Origin

    bases = ", ".join(f"{basis} {number:,}" for basis, number in source.bases.most_common(3))
    shares = (f"{source.share(origin):.1%}" for origin in Origin)
    return (source.name[:_NAME], f"{source.rows:,}", *shares, bases)


_NAME = 40


def _values(source: SourceTally) -> dict[str, object]:
    return {
        "source": source.name,
        "rows": source.rows,
        "verdicts": dict(source.verdicts),
        "bases": dict(source.bases),
        "evidence": dict(source.evidence),
        "contradicted": source.contradicted,
        "confidence": source.confidence,
        "terms": dict(source.terms),
        "models": dict(source.makers),
    }


def _plain(text: str) -> str:
    from stillwatch.report.wording import NARROW

    return text.replace(NARROW, " ")
