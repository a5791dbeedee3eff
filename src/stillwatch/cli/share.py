"""`stillwatch share`: indicators to and from partners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stillwatch.cli.ledger import LedgerFolder, OldFile, open_registrar
from stillwatch.cli.options import Json, Quiet
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.exchange.book import Book
    from stillwatch.exchange.package import Package

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Share indicators of campaigns with partners, and use theirs.",
)
psi_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Find what two providers have both seen, without showing the rest.",
)
app.add_typer(psi_app, name="psi")

BookFolder = Annotated[
    Path | None,
    typer.Option(
        "--book",
        file_okay=False,
        help="Folder of what was shared and imported; beside the ledger unless given.",
    ),
]
PartnerKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--partner-key", exists=True, dir_okay=False, help="File of the key that partners share."
    ),
]
Scan = Annotated[
    Path,
    typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder that a scan wrote."),
]
CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id, or how it begins.")]
Logs = Annotated[list[str], typer.Option("--log", help="The log; may be repeated.")]
Format = Annotated[
    Literal["signed", "stix", "misp", "sigma", "ocsf"], typer.Option("--to", help="Format.")
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Shared names; all unless given.")
]
Elements = Annotated[
    Path,
    typer.Option("--elements", exists=True, dir_okay=False, help="One element a line."),
]
NewFile = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="File to write.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Which are in common, not only how many.")]


def book_folder(folder: Path | None) -> Path:
    """Where the book lies."""
    from stillwatch.evidence.registrar import default_ledger

    return folder or default_ledger().parent / "exchange"


def _now() -> str:
    from stillwatch.evidence.ledger.log import moment, utc_now

    return moment(utc_now())


@app.command("key")
def key_command(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Made, 0600, if it is new.")],
) -> None:
    """Make the key that partners share. Give it to them over a safe channel only."""
    from stillwatch.exchange.partnerkey import make_partner_key

    typer.echo(f"{out}: key {make_partner_key(out).fingerprint}")


@app.command("review")
def review_command(
    results: Scan,
    campaign: CampaignId,
    logs: Logs,
    partner_key: PartnerKeyFile = None,
    tlp: Annotated[str, typer.Option("--tlp", help="How far it may go.")] = "TLP:AMBER",
    approve: Annotated[
        bool, typer.Option("--approve", help="Let it leave with the next export.")
    ] = False,
    book: BookFolder = None,
    ledger: LedgerFolder = None,
    quiet: Quiet = False,
) -> None:
    """Show all that would leave about a campaign, and what of it is new; --approve releases it."""
    from stillwatch.cli.progress import watch
    from stillwatch.cli.text import plain
    from stillwatch.evidence.canonical import canonical, digest
    from stillwatch.evidence.incident.write import TLP
    from stillwatch.evidence.ledger.log import utc_now
    from stillwatch.exchange.book import load_book, save_book
    from stillwatch.exchange.collect import Keys, collect
    from stillwatch.exchange.partnerkey import load_partner_key
    from stillwatch.exchange.review import NEVER, difference, lines_of
    from stillwatch.findings import load_findings
    from stillwatch.readers import open_log
    from stillwatch.sketch import SketchKey

    if tlp not in TLP:
        raise UsageError(f"--tlp is one of {', '.join(TLP)}")
    registrar = open_registrar(ledger)
    keys = Keys(SketchKey.load(), load_partner_key(partner_key))
    from stillwatch.evidence.bundle.build import find_campaign

    found = find_campaign(load_findings(results / "campaigns.json"), campaign, str(results))
    with watch(quiet=quiet) as progress:
        package = collect(
            results,
            found.campaign_id,
            open_log(logs, progress=progress),
            keys,
            source=registrar.key.name,
            name=registrar.public_name(found.campaign_id),
            tlp=tlp,
            now=utc_now(),
        )
    folder = book_folder(book)
    state = load_book(folder)
    for line in difference(state.shared.get(package.campaign.name), package):
        typer.echo(plain(line, limit=300))
    typer.echo(f"never leaves: {'; '.join(NEVER)}")
    if not package.indicators:
        typer.echo("no indicator: its words are common, or too few accounts show each")
    if approve:
        state.share(package)
        content = digest(canonical(lines_of(package)))
        registrar.ledger.append("share", {"campaign": package.campaign.name, "content": content})
        registrar.ledger.checkpoint()
        save_book(state, folder)
        typer.echo(f"approved: {package.campaign.name}; write it with stillwatch share export")
    else:
        typer.echo("nothing has left; let it leave with --approve")


@app.command("export")
def export_command(
    out: NewFile,
    names: Names = None,
    to: Format = "stix",
    book: BookFolder = None,
    ledger: LedgerFolder = None,
) -> None:
    """Write what was approved, revocations among it, for partners and tools."""
    from stillwatch.exchange.book import load_book, packages_of

    packages = packages_of(load_book(book_folder(book)), names or ())
    if not packages:
        raise UsageError("nothing was approved: stillwatch share review DIR CAMPAIGN --approve")
    if to not in {"stix", "ocsf"} and len(packages) > 1:
        raise UsageError(
            f"--to {to} takes one package: name one of "
            + ", ".join(p.campaign.name for p in packages)
        )
    out.write_bytes(_exported(packages, to, ledger))
    typer.echo(f"{len(packages)} packages: {out}")


def _exported(packages: tuple[Package, ...], to: str, ledger: Path | None) -> bytes:
    from stillwatch.evidence.canonical import canonical
    from stillwatch.evidence.dsse import seal
    from stillwatch.evidence.signing import SHARING
    from stillwatch.exchange.importing import PAYLOAD_TYPE
    from stillwatch.exchange.misp import to_misp
    from stillwatch.exchange.ocsf import cloud_event
    from stillwatch.exchange.sigma import to_sigma
    from stillwatch.exchange.stix import to_stix

    if to == "stix":
        return to_stix(packages)
    if to == "misp":
        return to_misp(packages[0])
    if to == "sigma":
        return to_sigma(packages[0])
    if to == "ocsf":
        return b"".join(cloud_event(package)[1] + b"\n" for package in packages)
    import msgspec

    signer = open_registrar(ledger).key.signer(SHARING)
    return seal(canonical(msgspec.to_builtins(packages[0])), PAYLOAD_TYPE, signer)


@app.command("send")
def send_command(
    url: Annotated[str, typer.Argument(help="The webhook; https.")],
    names: Names = None,
    book: BookFolder = None,
) -> None:
    """Send what was approved as OCSF findings in CloudEvents: signed, tried again, never twice."""
    from stillwatch.exchange.book import load_book, packages_of
    from stillwatch.exchange.ocsf import cloud_event
    from stillwatch.exchange.webhook import PLACE, Webhook

    folder = book_folder(book)
    packages = packages_of(load_book(folder), names or ())
    hook = Webhook(url, PLACE.load(), folder / "sent.json")
    done = hook.send(cloud_event(p, "close" if p.revoked else "create") for p in packages)
    typer.echo(f"{len(done.arrived)} arrived, {len(done.known)} had arrived before")
    for name, why in done.failed:
        typer.echo(f"failed: {name}: {why}", err=True)
    raise typer.Exit(1 if done.failed else 0)


@app.command("revoke")
def revoke_command(
    name: Annotated[str, typer.Argument(help="The shared name, such as k-6a05a1da9daa.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a line.")],
    book: BookFolder = None,
    ledger: LedgerFolder = None,
) -> None:
    """Take back what was shared; the next export, poll and event tell those who imported it."""
    from stillwatch.exchange.book import load_book, save_book

    folder = book_folder(book)
    state = load_book(folder)
    state.revoke(name, reason[:500], _now())
    registrar = open_registrar(ledger)
    registrar.ledger.append("revocation", {"campaign": name, "reason": reason[:500]})
    registrar.ledger.checkpoint()
    save_book(state, folder)
    typer.echo(f"revoked: {name}; export or send it again so that partners learn of it")


@app.command("import")
def import_command(
    file: OldFile,
    keys: Annotated[
        list[Path] | None,
        typer.Option("--keys", exists=True, dir_okay=False, help="Published keys of partners."),
    ] = None,
    book: BookFolder = None,
) -> None:
    """Take in a partner's indicators or feedback; they are a reason to look, never a verdict."""
    from stillwatch.cli.verify import trusted_keys
    from stillwatch.exchange.book import load_book, save_book
    from stillwatch.exchange.feedback import is_feedback, read_feedback
    from stillwatch.exchange.importing import read_shared

    folder = book_folder(book)
    state = load_book(folder)
    trusted = trusted_keys(keys)
    if is_feedback(file):
        heard = read_feedback(file, trusted)
        typer.echo(f"{heard.package}: {state.hear(heard)} by {heard.source}")
    else:
        for package in read_shared(file, trusted):
            outcome = state.take(package, _now())
            signed = "signed" if trusted else "not signed"
            typer.echo(
                f"{package.name}: {outcome}, {len(package.indicators)} indicators, {signed}"
                + (f", disputed by {package.disputes}" if package.disputes else "")
            )
    save_book(state, folder)


@app.command("match")
def match_command(
    logs: Annotated[list[str], typer.Argument(metavar="LOG...", help="The log.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, help="Folder for priors.parquet.")
    ],
    partner_key: PartnerKeyFile = None,
    book: BookFolder = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Look for imported indicators in a log: priors for mining, accounts to verify."""
    import msgspec
    import pyarrow.parquet as pq

    from stillwatch.cli.progress import watch
    from stillwatch.cli.tables import print_json
    from stillwatch.evidence.ledger.log import utc_now
    from stillwatch.exchange.book import load_book
    from stillwatch.exchange.collect import Keys
    from stillwatch.exchange.matching import match
    from stillwatch.exchange.partnerkey import load_partner_key
    from stillwatch.readers import open_log
    from stillwatch.sketch import SketchKey

    now = utc_now()
    keys = Keys(SketchKey.load(), load_partner_key(partner_key))
    packages = load_book(book_folder(book)).in_force(now)
    with watch(quiet=quiet) as progress:
        log = open_log(logs, progress=progress)
        found = match((batch.requests for batch in log), packages, keys, now)
    steps = found.step_up(now)
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(found.priors(), out / "priors.parquet")
    (out / "verify.json").write_bytes(msgspec.json.format(msgspec.json.encode(steps)) + b"\n")
    aside = [
        {"indicator": hit.indicator.name, "source": hit.package.source, "reason": why}
        for hit, why in found.set_aside
    ]
    if as_json:
        print_json({"hits": len(found.hits), "verify": len(steps), "set_aside": aside})
        return
    typer.echo(
        f"{len(found.hits)} indicators are in the log, {len(steps)} of {found.accounts:,} accounts "
        "to ask for verification"
    )
    for row in aside:
        typer.echo(f"set aside: {row['indicator']} of {row['source']}: {row['reason']}")


@app.command("feedback")
def feedback_command(
    name: Annotated[str, typer.Argument(metavar="SOURCE:NAME", help="The imported package.")],
    finding: Annotated[
        Literal["false-positive", "confirmed"], typer.Argument(help="What it was here.")
    ],
    accounts: Annotated[int, typer.Option("--accounts", min=1, help="How many accounts.")],
    out: NewFile,
    note: Annotated[str, typer.Option("--note", help="In a line; name nobody.")] = "",
    ledger: LedgerFolder = None,
) -> None:
    """Write a signed answer to a partner: honest accounts that were hit, or a confirmation."""
    from stillwatch.exchange.feedback import write_feedback

    key = open_registrar(ledger).key
    out.write_bytes(write_feedback(key, name, finding.replace("-", " "), accounts, note, _now()))
    typer.echo(f"give this to {name.partition(':')[0]}: {out}")


@app.command("mute")
def mute_command(
    source: Annotated[str, typer.Argument(help="A partner whose indicators do harm.")],
    book: BookFolder = None,
) -> None:
    """Drop all that came from a partner, and take nothing from it any more."""
    from stillwatch.exchange.book import load_book, save_book

    folder = book_folder(book)
    state = load_book(folder)
    dropped = state.mute(source)
    save_book(state, folder)
    typer.echo(f"{source}: {dropped} packages dropped; run stillwatch share match again")


@app.command("list")
def list_command(book: BookFolder = None, as_json: Json = False) -> None:
    """Show what was shared and what was imported."""
    from stillwatch.cli.tables import print_json, print_table
    from stillwatch.exchange.book import load_book

    rows = _rows(load_book(book_folder(book)))
    if as_json:
        print_json(rows)
        return
    names = ("way", "name", "accounts", "indicators", "modified", "state")
    print_table(
        [(name, "left") for name in names], [[str(row[name]) for name in names] for row in rows]
    )


def _rows(book: Book) -> list[dict[str, str | int]]:
    both = [("out", p) for p in book.shared.values()]
    both += [("in", held.package) for held in book.imported.values()]
    return [
        {
            "way": way,
            "name": package.name,
            "accounts": package.campaign.accounts,
            "indicators": len(package.indicators),
            "modified": package.modified,
            "state": f"revoked: {package.reason}"
            if package.revoked
            else (f"disputed by {package.disputes}" if package.disputes else "in force"),
        }
        for way, package in both
    ]


@app.command("serve")
def serve_command(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")
    ] = 8099,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    book: BookFolder = None,
) -> None:
    """Serve what was approved as a TAXII 2.1 collection that partners can read.

    The token that they need is in STILLWATCH_TAXII_TOKEN.
    """
    from stillwatch.exchange.serve import serve

    serve(book_folder(book), host, port)


@psi_app.command("ask")
def psi_ask_command(
    elements: Elements,
    request: Annotated[Path, typer.Option("--request", help="File for the request; written.")],
    answer: Annotated[
        Path, typer.Option("--answer", help="File of the answer; waited for, then read.")
    ],
    reveal: Reveal = False,
) -> None:
    """Ask a partner which of your elements it has: write a request, wait for the answer."""
    import time

    from stillwatch.exchange.psi import Asker

    asker = Asker(_lines(elements), reveal=reveal)
    partial = request.with_name(f"{request.name}.partial")
    partial.write_bytes(asker.request())
    partial.replace(request)
    typer.echo(f"send {request} to the partner; waiting for {answer}", err=True)
    while not answer.exists():
        time.sleep(0.2)
    count, found = asker.read(answer.read_bytes())
    typer.echo(f"{count} in common", err=True)
    for element in found:
        typer.echo(element)


@psi_app.command("answer")
def psi_answer_command(
    request: OldFile, elements: Elements, out: NewFile, reveal: Reveal = False
) -> None:
    """Answer a partner's request, without learning what is in it."""
    from stillwatch.exchange.psi import answer

    data = answer(request.read_bytes(), _lines(elements), reveal=reveal)
    partial = out.with_name(f"{out.name}.partial")
    partial.write_bytes(data)
    partial.replace(out)
    typer.echo(f"answer: {out}")


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
