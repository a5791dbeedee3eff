"""Checking a bundle: every signature, digest and proof, and all statistics once more.

It needs nothing but the file: no network, no ledger, no log. Whether the signing key is the
provider's, only published keys can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch._version import __version__
from stillwatch.errors import InputError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.checks import Verification
from stillwatch.evidence.bundle.counts import check_counts
from stillwatch.evidence.bundle.recompute import recompute
from stillwatch.evidence.canonical import digest, from_b64, read_canonical
from stillwatch.evidence.container import read_archive
from stillwatch.evidence.dsse import unseal
from stillwatch.evidence.ledger import merkle
from stillwatch.evidence.ledger.checkpoint import parse_checkpoint
from stillwatch.evidence.ledger.log import decode_entry
from stillwatch.evidence.signing import PublicKey
from stillwatch.judging import code_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CANONICAL = (contents.VERDICT, contents.SCAN, contents.OUTCOME, contents.LEDGER, contents.KEYS)


class _Predicate(msgspec.Struct, frozen=True):
    format: int
    version: str
    code: str
    campaign: str
    issued_at: str


class _Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str = msgspec.field(name="_type")
    subject: list[_Subject]
    predicateType: str  # noqa: N815 - in-toto's name
    predicate: _Predicate


class _Entered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    entry: str
    proof: list[str]


class _Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoint: str
    entries: list[_Entered]


def verify_bundle(path: Path, trusted: Sequence[PublicKey] = ()) -> Verification:
    """Check a bundle.

    Args:
        path: the file.
        trusted: keys that the provider published.
    """
    done = Verification(str(path))
    try:
        files = read_archive(path)
        done.passed("archive", f"the file is whole: {len(files)} files in their one form")
        statement = _signature(done, files, trusted)
        _digests(done, files, statement)
        documents = {name: _document(files, name) for name in _CANONICAL}
        _ledger(done, files, documents, trusted)
        _version(done, statement.predicate, documents[contents.SCAN])
    except InputError as error:
        done.failed("integrity", str(error))
        return done
    check_counts(done, documents[contents.VERDICT])
    recompute(done, files, documents)
    _what_nobody_can_check(done)
    return done


def _document(files: dict[str, bytes], name: str) -> Any:
    if name not in files:
        raise InputError(f"lacks {name}")
    return read_canonical(files[name], what=name)


def _keys(files: dict[str, bytes]) -> dict[str, PublicKey]:
    document = _document(files, contents.KEYS)
    if not isinstance(document, dict) or document.keys() != {"evidence", "ledger"}:
        raise InputError("keys.json does not name the two keys")
    return {use: PublicKey.parse(str(line)) for use, line in document.items()}


def _signature(
    done: Verification, files: dict[str, bytes], trusted: Sequence[PublicKey]
) -> _Statement:
    key = _keys(files)["evidence"]
    envelope = files.get(contents.STATEMENT, b"")
    payload, _ = unseal(envelope, contents.PAYLOAD_TYPE, [key], file=contents.STATEMENT)
    value = read_canonical(payload, what="the statement")
    stated = value.get("predicate", {}) if isinstance(value, dict) else {}
    newer = stated.get("format") if isinstance(stated, dict) else None
    if isinstance(newer, int) and newer > contents.FORMAT:
        raise InputError(
            f"the bundle is of format {newer}, made by Stillwatch {stated.get('version')}; this is "
            f"{__version__}, which reads format {contents.FORMAT}: install a newer version"
        )
    try:
        statement = msgspec.convert(value, _Statement)
    except msgspec.ValidationError as error:
        raise InputError(f"the statement is malformed: {error}") from None
    if (statement.type, statement.predicateType) != (
        contents.STATEMENT_TYPE,
        contents.PREDICATE_TYPE,
    ):
        raise InputError("what is signed is no statement of evidence")
    if key in trusted:
        done.passed("signature", f"signed by a key that you trust, {key.line}")
    elif trusted:
        raise InputError(f"signed by a key that is not among those you trust: {key.line}")
    else:
        done.passed("signature", "the signature fits the key that the bundle names")
        done.open(
            "signer",
            "whether that key is the provider's: compare it with the one that the provider "
            f"published, or give that with --keys: {key.line}",
        )
    return statement


def _digests(done: Verification, files: dict[str, bytes], statement: _Statement) -> None:
    stated = {subject.name: subject.digest.get("sha256") for subject in statement.subject}
    held = {name: digest(data) for name, data in files.items() if name != contents.STATEMENT}
    for name in sorted(stated.keys() | held.keys()):
        if name not in held:
            raise InputError(f"lacks {name}, which was signed")
        if stated.get(name) != held[name]:
            raise InputError(f"{name} is not what was signed")
    done.passed("digests", f"all {len(held)} files are those that were signed")


def _ledger(
    done: Verification,
    files: dict[str, bytes],
    documents: dict[str, Any],
    trusted: Sequence[PublicKey],
) -> None:
    try:
        ledger = msgspec.convert(documents[contents.LEDGER], _Ledger)
    except msgspec.ValidationError as error:
        raise InputError(f"{contents.LEDGER} is malformed: {error}") from None
    key = _keys(files)["ledger"]
    if trusted and key not in trusted:
        raise InputError(f"the ledger's key is not among those you trust: {key.line}")
    point, note = parse_checkpoint(ledger.checkpoint.encode(), file=contents.LEDGER)
    if not note.by([key]):
        raise InputError(f"the ledger's checkpoint is not signed by {key.line}")
    kinds = {}
    for entered in ledger.entries:
        raw = entered.entry.encode()
        try:
            proof = [from_b64(step) for step in entered.proof]
            root = merkle.root_by_inclusion(merkle.leaf_hash(raw), entered.index, point.size, proof)
        except ValueError as error:
            raise InputError(f"the proof of entry {entered.index} does not hold: {error}") from None
        if root != point.root:
            raise InputError(f"entry {entered.index} is not in the ledger of that checkpoint")
        entry = decode_entry(raw, where=f"entry {entered.index}")
        kinds[entry.kind] = entry.payload
    _entries_fit(files, documents, kinds)
    witnesses = len(note.signatures) - 1
    done.passed(
        "ledger",
        f"scan, verdict and bundle stand in the ledger {point.origin} under its checkpoint of "
        f"{point.size:,} entries" + (f", which {witnesses} more have signed" if witnesses else ""),
    )
    done.open(
        "fork",
        "whether the ledger was the same for everybody: compare the checkpoint with one from a "
        "witness, or with stillwatch verify ledger DIR --against",
    )


def _entries_fit(
    files: dict[str, bytes], documents: dict[str, Any], kinds: dict[str, dict[str, Any]]
) -> None:
    """What the ledger says of the scan, the verdict and the bundle is what the bundle holds."""
    inside = {
        name: data
        for name, data in files.items()
        if name not in {contents.STATEMENT, contents.LEDGER, contents.KEYS}
    }
    verdict = documents[contents.VERDICT]
    expected = {
        ("scan", "scan"): digest(files[contents.SCAN]),
        ("verdict", "document"): digest(files[contents.VERDICT]),
        ("verdict", "verdict"): verdict.get("verdict") if isinstance(verdict, dict) else None,
        ("bundle", "content"): contents.content_digest(inside),
    }
    for (kind, name), value in expected.items():
        if kinds.get(kind, {}).get(name) != value:
            raise InputError(f"the ledger's entry about the {kind} is about something else")


def _version(done: Verification, made: _Predicate, scan: Any) -> None:
    if not isinstance(scan, dict) or scan.get("code") != made.code:
        raise InputError("scan.json names other code than the statement")
    if made.code == code_digest():
        done.passed("version", f"judged by the very code that is installed here, {__version__}")
    else:
        done.open(
            "version",
            f"judged by the code of Stillwatch {made.version} ({made.code[:12]}); installed is "
            f"{__version__} ({code_digest()[:12]}), which may judge or word things otherwise",
        )


def _what_nobody_can_check(done: Verification) -> None:
    done.open(
        "log",
        "whether the provider's log was complete and true, and that the sketches are of it: that "
        "takes the log and the provider's key",
    )
    done.open(
        "mining",
        "how the group was found, what some of its accounts share at full length, whether a part "
        "is a campaign of its own, and the e-values of the other groups that were tested: they are "
        "the provider's word",
    )
    done.open(
        "yardstick",
        "what the group is measured by: what this log's customers keep to themselves (floors), the "
        "whole customers of the harvest test, how often everybody else uses the same words: the "
        "provider made them from its whole log",
    )
    done.open(
        "totals",
        "the totals over all requests (tokens, cost, days, models, moves, each member's requests): "
        "the bundle holds a sample of requests",
    )
