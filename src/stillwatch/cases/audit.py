"""The audit trail: every write leaves an entry, and no entry can change without a trace.

An entry's hash covers its canonical JSON and the hash before it, so a change, a removal or a
reordering breaks every hash that follows. `entries_after` hands entries to whatever keeps a
stronger log. Payloads hold strings, whole numbers and booleans under ASCII names only: for these,
sorted compact JSON is canonical (RFC 8785).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select, update

from stillwatch.cases.models import AuditEntry, Head

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

GENESIS = "0" * 64
"""What stands before the first entry."""

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Event:
    """What a write reports.

    Attributes:
        action: such as ``decision.propose``.
        subject: what it is about, for readers, such as ``case:17``; not chained.
        note: one line for readers; not chained.
        payload: what is chained; personal values as commitments only.
    """

    action: str
    subject: str
    note: str
    payload: dict[str, Value]


def canonical(value: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces."""
    return msgspec.json.encode(value, order="deterministic").decode()


def entry_hash(previous: str, payload: str) -> str:
    """Hash of an entry: SHA-256 over the hash before it and its canonical JSON."""
    return hashlib.sha256(bytes.fromhex(previous) + payload.encode()).hexdigest()


def append(
    session: Session, actor: str, at: datetime, events: Sequence[Event], *, standing: bool
) -> None:
    """Write events at the end of the chain, as the last thing of a transaction.

    The head row is locked until commit, so that entries of concurrent transactions stand in one
    order.

    Args:
        session: of the transaction.
        actor: who did it.
        at: when.
        events: what was done, in order.
        standing: whether what is in force for some account changed.
    """
    head = session.execute(select(Head).where(Head.id == 1).with_for_update()).scalar_one()
    sequence, previous = head.sequence, head.hash
    for event in events:
        sequence += 1
        payload = canonical(
            {
                "action": event.action,
                "actor": actor,
                "at": at.isoformat(timespec="microseconds"),
                "sequence": sequence,
                **event.payload,
            }
        )
        chained = entry_hash(previous, payload)
        session.add(
            AuditEntry(
                sequence=sequence,
                at=at,
                actor=actor,
                action=event.action,
                subject=event.subject,
                note=event.note,
                payload=payload,
                previous=previous,
                hash=chained,
            )
        )
        previous = chained
    head.sequence, head.hash = sequence, previous
    head.revision += standing


@dataclass(frozen=True, slots=True)
class Exported:
    """An entry as another ledger takes it in."""

    sequence: int
    payload: bytes
    hash: str


def entries_after(session: Session, sequence: int, most: int = 1000) -> Iterator[Exported]:
    """Entries after a sequence number, in order, at most so many: call again from the last one."""
    rows = session.execute(
        select(AuditEntry.sequence, AuditEntry.payload, AuditEntry.hash)
        .where(AuditEntry.sequence > sequence)
        .order_by(AuditEntry.sequence)
        .limit(most)
    )
    for number, payload, chained in rows:
        yield Exported(number, payload.encode(), chained)


def first_break(session: Session) -> int | None:
    """The first sequence number at which the chain does not hold; None where it holds.

    A missing entry, a changed one, one out of place, and a head that does not match the last
    entry are all breaks.
    """
    expected, previous = 1, GENESIS
    rows = session.execute(select(AuditEntry).order_by(AuditEntry.sequence)).scalars()
    for entry in rows.yield_per(2000):
        holds = (
            entry.sequence == expected
            and entry.previous == previous
            and entry.hash == entry_hash(previous, entry.payload)
            and _says(entry)
        )
        if not holds:
            return expected
        expected, previous = expected + 1, entry.hash
    head = session.execute(select(Head)).scalar_one()
    return None if (head.sequence, head.hash) == (expected - 1, previous) else expected


def _says(entry: AuditEntry) -> bool:
    """Whether the columns that people filter by say what the chained payload says."""
    try:
        chained = msgspec.json.decode(entry.payload)
    except msgspec.DecodeError:
        return False
    return (chained.get("sequence"), chained.get("actor"), chained.get("action")) == (
        entry.sequence,
        entry.actor,
        entry.action,
    )


def forget(session: Session, subject: str) -> None:
    """Take a subject's name and notes out of its entries; the chain does not cover them."""
    session.execute(
        update(AuditEntry)
        .where(AuditEntry.subject == subject)
        .values(subject=None, note=None)
        .execution_options(synchronize_session=False)
    )
