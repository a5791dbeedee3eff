"""What a bundle says: the verdict, the scan it comes from, and the signed statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch._version import __version__
from stillwatch.evidence.canonical import canonical, digest
from stillwatch.judging import code_digest, thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.schema import Campaign, Summary

FORMAT = 1
"""Version of the layout of bundles."""

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:stillwatch:evidence:1"

STATEMENT, VERDICT, SCAN, OUTCOME, LEDGER, KEYS = (
    "statement.dsse.json",
    "verdict.json",
    "scan.json",
    "outcome.json",
    "ledger.json",
    "keys.json",
)

README = """\
This file is a bundle of evidence about one campaign, made by Stillwatch.

  statement.dsse.json   the signature (DSSE) over the digests of all other files (in-toto)
  verdict.json          what is said of the campaign; accounts are commitments, not identifiers
  scan.json             the scan it comes from: what was read, code, thresholds, seeds
  outcome.json          every number of the tests
  inputs.json, inputs/  what the tests were made on: sketches of requests, as arrays
                        compressed by zstd
  ledger.json           entries of the provider's ledger, their inclusion proofs, and a
                        signed checkpoint
  keys.json             the public keys that signed; compare them with those that the
                        provider published

  stillwatch verify FILE [--keys PUBLISHED]   checks all of it, offline, and does the tests again
"""


def verdict_document(campaign: Campaign, name: str, accounts: Mapping[str, str]) -> dict[str, Any]:
    """A campaign without identifiers and without texts of customers.

    Args:
        campaign: as found.
        name: what it is called outside.
        accounts: the commitment to each member's id.
    """
    document: dict[str, Any] = msgspec.to_builtins(campaign)
    del document["examples"]
    del document["priors"]  # what a partner shared goes no further, and no test rests on it
    _without_reasons(document)
    document["campaign_id"] = name
    for member in document["members"]:
        member["account"] = accounts[member.pop("account_id")]
    return document


def scan_document(summary: Summary, findings: str) -> dict[str, Any]:
    """The scan as a whole, without the names of its files.

    Args:
        summary: as found.
        findings: digest of its `campaigns.json`.
    """
    document: dict[str, Any] = msgspec.to_builtins(summary)
    document["sources"] = [kind for _, kind in summary.sources]
    del document["priors"]
    if summary.since is not None:
        # the names of other campaigns are made of their accounts
        document["since"]["standing"] = len(summary.since.standing)
    _without_reasons(document)
    return document | {
        "findings": findings,
        "code": code_digest(),
        "thresholds": thresholds(),
        "thresholds_digest": digest(canonical(thresholds())),
    }


def _without_reasons(document: dict[str, Any]) -> None:
    """Leave out why structure was declared: that may name a customer."""
    for entry in document["declared"]:
        del entry["reason"]


def content_digest(files: Mapping[str, bytes]) -> str:
    """Digest over the names and digests of some files."""
    return digest(canonical({name: digest(data) for name, data in files.items()}))


def statement(files: Mapping[str, bytes], campaign: str, issued_at: str) -> bytes:
    """The in-toto statement about a bundle's files."""
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": name, "digest": {"sha256": digest(data)}}
                for name, data in sorted(files.items())
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "format": FORMAT,
                "version": __version__,
                "code": code_digest(),
                "campaign": campaign,
                "issued_at": issued_at,
            },
        }
    )
