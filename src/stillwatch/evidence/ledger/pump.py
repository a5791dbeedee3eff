"""From an audit table into the ledger: every entry once, personal data as commitments.

    pump(audit.entries_after(last_pumped(ledger, "cases")), ledger, vault, source="cases")

Where it stopped is read from the ledger itself, so an interrupted run is simply run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stillwatch.evidence.commitments import Vault
    from stillwatch.evidence.ledger.log import Ledger

PERSONAL = frozenset(
    {"account_id", "account_ids", "actor", "author", "approved_by", "organization_id", "user"}
)
"""Fields that name people or customers, unless the caller says otherwise."""

_BATCH = 256


class AuditEntry(Protocol):
    """A row of an audit table: numbers that grow, what happened, and the particulars."""

    @property
    def sequence(self) -> int:
        """Its number; each is larger than the one before."""

    @property
    def kind(self) -> str:
        """What happened, such as ``suspension approved``."""

    @property
    def payload(self) -> Mapping[str, Any]:
        """The particulars: what JSON can hold."""


@dataclass(frozen=True, slots=True)
class Audited:
    """An entry of a hash-chained audit trail, whose canonical JSON names its `action`."""

    sequence: int
    kind: str
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, sequence: int, canonical: bytes, chained: str) -> Audited:
        """From an entry's bytes; its hash goes along, to hold the two logs against each other."""
        payload = msgspec.json.decode(canonical, type=dict[str, Any])
        return cls(sequence, str(payload.get("action", "audit")), payload | {"hash": chained})


def last_pumped(ledger: Ledger, source: str) -> int:
    """Sequence of the last entry that came from a source; 0 before the first."""
    found = 0
    for entry in ledger.entries():
        if entry.payload.get("source") == source:
            found = max(found, int(entry.payload.get("sequence", 0)))
    return found


def pump(
    entries: Iterable[AuditEntry],
    ledger: Ledger,
    vault: Vault,
    *,
    source: str,
    personal: Collection[str] = PERSONAL,
) -> int:
    """Append audit entries to the ledger.

    Args:
        entries: in the order of their sequence.
        ledger: where they go; sign afterwards with `Ledger.checkpoint`.
        vault: makes the commitments.
        source: name of the table, so that several can feed one ledger.
        personal: names of fields, at any depth, whose values enter as commitments.

    Returns:
        How many were appended.

    Raises:
        InputError: the sequence does not grow: the table was changed.
    """
    last, count = last_pumped(ledger, source), 0
    waiting = iter(entries)
    while batch := list(islice(waiting, _BATCH)):
        rows = []
        for entry in batch:
            if entry.sequence <= last:
                raise InputError(
                    f"the audit of {source!r} has entry {entry.sequence} after {last}: it was "
                    "changed, or was pumped twice"
                )
            last = entry.sequence
            held = vault.commit_fields(entry.payload, personal)
            rows.append((entry.kind, {"source": source, "sequence": last, "content": held}))
        ledger.extend(rows)
        count += len(rows)
    return count
