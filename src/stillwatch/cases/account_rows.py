"""Rows of accounts, from a scan's verdicts and the provider's account file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select

from stillwatch.cases.accounts import chunks
from stillwatch.cases.actors import system
from stillwatch.cases.models import UNVERIFIED, Account, new_salt
from stillwatch.cases.reverify import Change, ask_again, changed
from stillwatch.errors import InputError
from stillwatch.readers import read_accounts
from stillwatch.schema import ACCOUNT_VERDICTS
from stillwatch.sketch import Sketcher
from stillwatch.standing import LEVELS, level_named

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.cases.storage import Storage, Unit
    from stillwatch.progress import Progress
    from stillwatch.sketch import SketchKey

LONGEST_ID = 1_000
"""Bytes of an account's name: PostgreSQL cannot index much longer ones."""

BATCH = 2_000
"""Rows of one transaction; repeating one writes the same values again."""


def read_declared(path: Path, key: SketchKey) -> pa.Table:
    """The account file, its identifiers as keyed tokens; countries are left behind."""
    sketcher = Sketcher(key)
    table = read_accounts(path).table.combine_chunks()

    def column(name: str) -> pa.Array:
        return table.column(name).combine_chunks()

    return pa.table(
        {
            "account_id": column("account_id"),
            "organization_id": column("organization_id"),
            "created_at": column("created_at"),
            "email_domain": column("email_domain"),
            "plan": column("plan"),
            "level": column("verification_level"),
            "payment": sketcher.trait_keys(column("payment_fingerprint"), "payment"),
            "signup network": sketcher.network_keys(column("signup_address")),
        }
    )


def write_accounts(
    storage: Storage, path: Path, declared: pa.Table | None, progress: Progress
) -> int:
    """Write every account of the scan, in transactions of their own; returns how many there are."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError("the accounts of the scan cannot be read", file=str(path)) from error
    with file, progress.step("writing accounts", file.metadata.num_rows) as step:
        if not set(ACCOUNT_VERDICTS.names) <= set(file.schema_arrow.names):
            raise InputError("these are no account verdicts of this version", file=str(path))
        places = _places(declared)
        changes: list[Change] = []
        for batch in file.iter_batches(BATCH, columns=ACCOUNT_VERDICTS.names):
            with storage.write(system("import")) as unit:
                changes += _upsert(unit, _rows(batch, declared, places))
            step.advance(batch.num_rows)
        with storage.write(system("import")) as unit:
            ask_again(unit, changes)
        return int(file.metadata.num_rows)


def usable(account_id: str) -> bool:
    """Whether an account can be kept under its name; a longer one is no name but an attack."""
    return len(account_id.encode()) <= LONGEST_ID


def _places(declared: pa.Table | None) -> dict[str, int]:
    if declared is None:
        return {}
    return {name: row for row, name in enumerate(declared.column("account_id").to_pylist())}


def _rows(
    batch: pa.RecordBatch, declared: pa.Table | None, places: dict[str, int]
) -> list[dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    if declared is not None:
        ids = batch.column("account_id").to_pylist()
        wanted = pa.array([places[name] for name in ids if name in places], pa.int64())
        known = {row["account_id"]: row for row in declared.take(wanted).to_pylist()}
    return [
        {
            "account_id": row["account_id"],
            "verdict": row["verdict"],
            "requests": row["requests"],
            "coordination_p": row["coordination_p"],
            "extraction_p": row["extraction_p"],
            "reasons": row["reasons"],
            **_own(known.get(row["account_id"])),
        }
        for row in batch.to_pylist()
        if usable(row["account_id"])
    ]


def _own(row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        "organization_id": row["organization_id"],
        "created_at": row["created_at"],
        "email_domain": row["email_domain"],
        "plan": row["plan"],
        "payment": row["payment"],
        "network": row["signup network"],
        "declared_level": _level(row["level"]),
    }


def _level(declared: str | None) -> str:
    """A level of ours for what the account file calls it; an unknown word proves nothing."""
    word = level_named(declared or UNVERIFIED)
    return word if word in LEVELS else UNVERIFIED


def _upsert(unit: Unit, rows: list[dict[str, Any]]) -> list[Change]:
    """Write rows, keeping what people decided; a level that was proved here is not lowered.

    Returns:
        Traits of known accounts that have changed.
    """
    session = unit.session
    known: dict[str, Account] = {}
    for chunk in chunks([row["account_id"] for row in rows]):
        found = session.execute(select(Account).where(Account.account_id.in_(chunk))).scalars()
        known.update((account.account_id, account) for account in found)
    fresh = [
        {**_EMPTY, "blinding": new_salt(), "seen_at": unit.now, **row}
        for row in rows
        if row["account_id"] not in known
    ]
    for row in fresh:
        row["level"] = row["declared_level"]
    if fresh:
        session.execute(insert(Account), fresh)
    changes: list[Change] = []
    for row in rows:
        account = known.get(row["account_id"])
        if account is None:
            continue
        changes += changed(account, row)
        for name, value in row.items():
            setattr(account, name, value)
        account.seen_at = unit.now
        account.level = max(account.level, account.declared_level, key=LEVELS.index)
    return changes


_EMPTY: dict[str, Any] = {
    "organization_id": None,
    "created_at": None,
    "email_domain": None,
    "plan": None,
    "payment": None,
    "network": None,
    "declared_level": UNVERIFIED,
    "action": "allow",
    "link_epoch": 0,
}
