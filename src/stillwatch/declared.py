"""Declared structure: who is known to belong together, for a reason and until a day.

A provider knows of its resellers, its agencies and its customers' research programmes. The list
says so: accounts of one entry count as one, so that what they do alike is no coordination, and none
of them is accused as a member of a group or alone. An entry is never evidence against anybody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date  # noqa: TC003 (read at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.guard.toml_file import Section, convert, read_toml
from stillwatch.schema import ACCOUNT_VERDICTS, Covered, DeclaredEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.campaigns import Detection
    from stillwatch.schema import Campaign

MAX_BYTES = 8 * 2**20

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
TRAITS = ("organization_id", "email_domain", "payment_fingerprint")


class Entry(Section, frozen=True, kw_only=True):
    """One `[[entry]]` of the file: accounts that are one declared entity.

    Attributes:
        kind: ``allowed`` (such as a research programme), ``reseller`` or ``organisation``.
        reason: why it is known, for whoever reads the results.
        expires: the last day (UTC) on which it counts.
        accounts: account ids.
        organization_id, email_domain, payment_fingerprint: as in the account file; every account
            that has one of them is meant.
    """

    kind: Literal["allowed", "reseller", "organisation"]
    reason: Text
    expires: date
    accounts: tuple[Text, ...] = ()
    organization_id: Text | None = None
    email_domain: Text | None = None
    payment_fingerprint: Text | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("reason: say in a line why this entry is known")
        if not self.accounts and not any(getattr(self, name) for name in TRAITS):
            raise ValueError(
                f"names nobody: give accounts, {', '.join(TRAITS[:-1])} or {TRAITS[-1]}"
            )


class Declared(Section, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        entry: its entries, in their order.
    """

    entry: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """Which entry covers which account of a log.

    Attributes:
        entries: of the file, expired ones too.
        expired: whether each had expired at the log's last request.
        ids: account ids of the log.
        entry: parallel to `ids`: place of the first entry in force that names it, else -1.
    """

    entries: tuple[Entry, ...]
    expired: tuple[bool, ...]
    ids: tuple[str, ...]
    entry: NDArray[np.int64]


def load_declared(path: Path) -> tuple[Entry, ...]:
    """Read a file of declared structure.

    Raises:
        InputError: it cannot be read, is too large, is not TOML, or an entry makes no sense; file,
            line and key are named.
    """
    text = read_toml(path, "list of declared structure", most=MAX_BYTES)
    return convert(text, Declared, file=str(path), pages="docs/declared.md").entry


def cover(
    entries: Sequence[Entry], names: pa.Table, accounts: pa.Table | None, last: datetime
) -> Coverage:
    """Find the entry of every account.

    Args:
        entries: of the file; of several that name an account, the first in force counts.
        names: `account_id` of every account of the log.
        accounts: the account file (`schema.ACCOUNTS`), by which traits are known, or None.
        last: the log's own last moment; the wall clock plays no part.
    """
    ids = names.column("account_id").to_pylist()
    expired = tuple(entry.expires < last.date() for entry in entries)
    place: dict[tuple[str, str], int] = {}
    for i, entry in enumerate(entries):
        if not expired[i]:
            for name in _named(entry):
                place.setdefault(name, i)
    nobody = len(entries)
    found = {name: place.get(("account_id", name), nobody) for name in ids}
    for row in accounts.select(["account_id", *TRAITS]).to_pylist() if accounts is not None else ():
        account = row.pop("account_id")
        if account in found:
            hits = (place.get((k, _folded(k, v)), nobody) for k, v in row.items() if v is not None)
            found[account] = min(found[account], *hits, nobody)
    codes = np.array([found[name] for name in ids], dtype=np.int64)
    return Coverage(tuple(entries), expired, tuple(ids), np.where(codes == nobody, -1, codes))


def _named(entry: Entry) -> list[tuple[str, str]]:
    traits = [(name, value) for name in TRAITS if (value := getattr(entry, name))]
    return [("account_id", a) for a in entry.accounts] + [(k, _folded(k, v)) for k, v in traits]


def _folded(trait: str, value: str) -> str:
    return value.lower() if trait == "email_domain" else value


def with_declared(detection: Detection, coverage: Coverage) -> Detection:
    """The same detection, saying which entry explained what.

    Campaigns name the entries that cover members of theirs, every covered account has a reason in
    the accounts' table, and `Detection.declared` lists all entries with what they covered.
    """
    of = {name: i for name, i in zip(coverage.ids, coverage.entry.tolist(), strict=True) if i >= 0}
    return replace(
        detection,
        campaigns=tuple(_marked(c, of, coverage.entries) for c in detection.campaigns),
        accounts=_reasoned(detection.accounts, of, coverage.entries),
        declared=_listed(detection.accounts, of, coverage),
    )


def _marked(campaign: Campaign, of: dict[str, int], entries: Sequence[Entry]) -> Campaign:
    counts = Counter(of[m.account_id] for m in campaign.members if m.account_id in of)
    covered = tuple(
        Covered(
            kind=entries[i].kind,
            reason=entries[i].reason,
            expires=entries[i].expires.isoformat(),
            accounts=number,
        )
        for i, number in sorted(counts.items())
    )
    return replace(campaign, declared=covered)


def _reasoned(accounts: pa.Table, of: dict[str, int], entries: Sequence[Entry]) -> pa.Table:
    if not of:
        return accounts
    ids, reasons = accounts.column("account_id"), accounts.column("reasons")
    said = [
        [*why, _sentence(entries[of[name]])] if name in of else why
        for name, why in zip(ids.to_pylist(), reasons.to_pylist(), strict=True)
    ]
    at = ACCOUNT_VERDICTS.get_field_index("reasons")
    field = ACCOUNT_VERDICTS.field("reasons")
    return accounts.set_column(at, field, pa.array(said, field.type))


def _sentence(entry: Entry) -> str:
    return f"Declared ({entry.kind}) until {entry.expires.isoformat()}: {entry.reason}"


def _listed(
    accounts: pa.Table, of: dict[str, int], coverage: Coverage
) -> tuple[DeclaredEntry, ...]:
    ids, requests = (accounts.column(name).to_pylist() for name in ("account_id", "requests"))
    covered: Counter[int] = Counter()
    sent: Counter[int] = Counter()
    for name, count in zip(ids, requests, strict=True):
        if name in of:
            covered[of[name]] += 1
            sent[of[name]] += count
    return tuple(
        DeclaredEntry(
            kind=entry.kind,
            reason=entry.reason,
            expires=entry.expires.isoformat(),
            expired=over,
            accounts=covered[i],
            requests=sent[i],
        )
        for i, (entry, over) in enumerate(zip(coverage.entries, coverage.expired, strict=True))
    )
