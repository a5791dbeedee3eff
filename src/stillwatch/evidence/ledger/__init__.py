"""The append-only ledger: a Merkle log (RFC 9162) of findings, decisions and appeals."""

from stillwatch.evidence.ledger.audit import Audit, Problem, audit
from stillwatch.evidence.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillwatch.evidence.ledger.log import Entry, Ledger, Signed
from stillwatch.evidence.ledger.pump import AuditEntry, last_pumped, pump

__all__ = [
    "Audit",
    "AuditEntry",
    "Checkpoint",
    "Entry",
    "Ledger",
    "Problem",
    "Signed",
    "audit",
    "last_pumped",
    "parse_checkpoint",
    "pump",
]
