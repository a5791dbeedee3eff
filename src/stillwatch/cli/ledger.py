"""`stillwatch ledger`: what the deployment has signed, and who else has seen it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.evidence.registrar import Registrar

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keep the append-only ledger of scans, verdicts and decisions.",
)

LedgerFolder = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        file_okay=False,
        help="Folder of the ledger; STILLWATCH_LEDGER, else one in the user's data, unless given.",
    ),
]
NewFile = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="File to write.")]
OldFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


def open_registrar(folder: Path | None) -> Registrar:
    """The deployment's ledger, key and vault."""
    from stillwatch.evidence.registrar import Registrar

    return Registrar.open(folder)


@app.command("keys")
def keys_command(ledger: LedgerFolder = None) -> None:
    """Print the public keys, to publish them: whoever checks evidence needs them."""
    from stillwatch.evidence.signing import EVIDENCE, LEDGER, SHARING, WITNESS

    key = open_registrar(ledger).key
    for use in (EVIDENCE, LEDGER, SHARING, WITNESS):
        typer.echo(key.public(use).line)


@app.command("show")
def show_command(
    start: Annotated[int, typer.Option("--from", min=0, help="First entry to show.")] = 0,
    ledger: LedgerFolder = None,
    as_json: Json = False,
) -> None:
    """Print the entries of the ledger."""
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.evidence.ledger import Ledger
    from stillwatch.evidence.registrar import default_ledger

    entries = list(Ledger(ledger or default_ledger()).entries(start))
    if as_json:
        print_json(
            [
                {"index": start + i, "at": e.at, "kind": e.kind, "payload": e.payload}
                for i, e in enumerate(entries)
            ]
        )
        return
    columns = (("entry", "right"), ("at", "left"), ("kind", "left"), ("content", "left"))
    print_table(
        columns,
        (
            (str(start + i), e.at, e.kind, json.dumps(e.payload, ensure_ascii=False))
            for i, e in enumerate(entries)
        ),
    )


@app.command("append")
def append_command(
    kind: Annotated[str, typer.Argument(help="What it is, such as policy.")],
    payload: Annotated[str, typer.Argument(help="The particulars, as a JSON object.")],
    ledger: LedgerFolder = None,
) -> None:
    """Append one entry and sign the ledger."""
    registrar = open_registrar(ledger)
    try:
        value = json.loads(payload)
    except ValueError as error:
        raise UsageError(f"the particulars are not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("the particulars must be a JSON object")
    index = registrar.ledger.append(kind, value)
    size = registrar.ledger.checkpoint().checkpoint.size
    typer.echo(f"entry {index} of {size}")


@app.command("take")
def take_command(
    database: Annotated[
        str,
        typer.Option("--database", envvar="STILLWATCH_DATABASE", help="The console's database."),
    ],
    ledger: LedgerFolder = None,
) -> None:
    """Take what people decided since the last time into the ledger, and sign it.

    The console's audit trail holds decisions, approvals, appeals and erasures.
    """
    from stillwatch.cases.audit import entries_after, first_break
    from stillwatch.cli.cases import open_storage
    from stillwatch.errors import InputError
    from stillwatch.evidence.ledger.pump import Audited, last_pumped, pump

    registrar, storage = open_registrar(ledger), open_storage(database)
    taken = 0
    with storage.read() as session:
        if (broken := first_break(session)) is not None:
            raise InputError(f"the audit trail is broken at entry {broken}", file=database)
        last = last_pumped(registrar.ledger, "audit")
        while batch := list(entries_after(session, last)):
            audited = [Audited.of(e.sequence, e.payload, e.hash) for e in batch]
            taken += pump(audited, registrar.ledger, registrar.vault, source="audit")
            last = batch[-1].sequence
    storage.close()
    size = registrar.ledger.checkpoint().checkpoint.size
    typer.echo(f"{taken:,} entries taken; the ledger holds {size:,}")


@app.command("checkpoint")
def checkpoint_command(
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="Also write the checkpoint to a file."),
    ] = None,
    ledger: LedgerFolder = None,
) -> None:
    """Sign the ledger as it is, and print the checkpoint, to hand it out."""
    signed = open_registrar(ledger).ledger.checkpoint()
    if out is not None:
        out.write_bytes(signed.note.data)
    typer.echo(signed.note.data.decode(), nl=False)


@app.command("rotate")
def rotate_command(
    key_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File of the new key; made if it is new.")
    ],
    ledger: LedgerFolder = None,
) -> None:
    """Hand over to a new key; old and new sign together. Point to the new key afterwards."""
    from stillwatch.evidence.signing import SigningKey

    registrar = open_registrar(ledger)
    new = SigningKey.from_file(key_file, registrar.key.name)
    registrar.ledger.rotate(new)
    typer.echo(f"from now on: STILLWATCH_SIGNING_KEY_FILE={key_file}")


@app.command("erase")
def erase_command(
    identifiers: Annotated[list[str], typer.Argument(metavar="ID...", help="Account ids.")],
    ledger: LedgerFolder = None,
) -> None:
    """Erase what links commitments to accounts; every proof goes on to hold."""
    registrar = open_registrar(ledger)
    erased = registrar.vault.erase(identifiers)
    registrar.ledger.append("erasure", {"identifiers": erased})
    registrar.ledger.checkpoint()
    typer.echo(f"{erased} of {len(identifiers)} were known and are erased")


@app.command("stamp-request")
def stamp_request_command(out: NewFile, ledger: LedgerFolder = None) -> None:
    """Write a time-stamp request (RFC 3161) for the last checkpoint, to send to an authority."""
    from stillwatch.evidence.ledger.stamps import request_stamp

    signed = open_registrar(ledger).ledger.checkpoint()
    out.write_bytes(request_stamp(signed.checkpoint))
    typer.echo(f"{out}: for the checkpoint of size {signed.checkpoint.size}")


@app.command("stamp")
def stamp_command(
    response: OldFile,
    certificates: Annotated[
        Path,
        typer.Option(
            "--ca", exists=True, dir_okay=False, help="The authority's certificates, PEM."
        ),
    ],
    size: Annotated[int, typer.Option("--size", min=1, help="Size of the stamped checkpoint.")],
    ledger: LedgerFolder = None,
) -> None:
    """Check an authority's time stamp and keep it with the checkpoint."""
    from stillwatch.evidence.ledger.stamps import keep_stamp

    registrar = open_registrar(ledger)
    at = keep_stamp(registrar.ledger, response.read_bytes(), certificates.read_bytes(), size)
    registrar.ledger.checkpoint()
    typer.echo(f"the first {size} entries were there at {at}")


@app.command("offer")
def offer_command(
    out: NewFile,
    since: Annotated[
        int, typer.Option("--since", min=0, help="Size at which the witness last saw the ledger.")
    ] = 0,
    ledger: LedgerFolder = None,
) -> None:
    """Write the last checkpoint for a witness, with the proof that nothing was rewritten."""
    from stillwatch.evidence.ledger.witness import offer

    registrar = open_registrar(ledger)
    registrar.ledger.checkpoint()
    out.write_bytes(offer(registrar.ledger, since))
    typer.echo(f"witness offer: {out}")


@app.command("cosign")
def cosign_command(
    offered: OldFile,
    out: NewFile,
    key: Annotated[str, typer.Option("--key", help="The ledger's published key, as one line.")],
    memory: Annotated[
        Path, typer.Option("--memory", file_okay=False, help="Folder of what was signed before.")
    ],
    name: Annotated[str, typer.Option("--name", help="Name that the witness signs under.")] = "",
) -> None:
    """As a witness: check another's offer against what was seen before, and sign it."""
    from stillwatch.evidence.ledger.log import utc_now
    from stillwatch.evidence.ledger.witness import Witness
    from stillwatch.evidence.signing import PublicKey, SigningKey

    memory.mkdir(parents=True, exist_ok=True)
    witness = Witness(memory, SigningKey.load(name))
    at = int(utc_now().timestamp())
    out.write_bytes(witness.cosign(offered.read_bytes(), PublicKey.parse(key), at))
    typer.echo(f"signed: {out}, by {witness.key.line}")


@app.command("accept")
def accept_command(
    signed: OldFile,
    key: Annotated[str, typer.Option("--key", help="The witness's published key, as one line.")],
    ledger: LedgerFolder = None,
) -> None:
    """Keep a checkpoint that came back with a witness's signature."""
    from stillwatch.evidence.ledger.witness import accept
    from stillwatch.evidence.signing import PublicKey

    registrar = open_registrar(ledger)
    accept(registrar.ledger, signed.read_bytes(), PublicKey.parse(key))
    registrar.ledger.checkpoint()
    typer.echo("kept")
