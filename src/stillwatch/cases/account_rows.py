"""Rows of accounts, from a scan's verdicts and the provider's account file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select, update

from stillwatch.cases.accounts import chunks
from stillwatch.cases.actors import system
from stillwatch.cases.models import UNVERIFIED, Account, new_salt
from stillwatch.cases.rules import LEVELS
from stillwatch.errors import InputError
from stillwatch.readers import read_accounts
from stillwatch.schema import ACCOUNT_VERDICTS
from stillwatch.sketch import Sketcher

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Storage
    from stillwatch.progress import Progress
    from stillwatch.sketch import SketchKey

_LEVEL_WORDS = {
    "business": "organisation",
    "organization": "organisation",
    "company": "organisation",
    "card": "payment",
    "e-mail": "email",
}

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
        for batch in file.iter_batches(BATCH, columns=ACCOUNT_VERDICTS.names):
            with storage.write(system("import")) as unit:
                _upsert(unit.session, _rows(batch, declared, places))
            step.advance(batch.num_rows)
        return int(file.metadata.num_rows)


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
        "level": _level(row["level"]),
    }


def _level(declared: str | None) -> str:
    """A level of ours for what the account file calls it; an unknown word proves nothing."""
    word = (declared or UNVERIFIED).strip().lower()
    word = _LEVEL_WORDS.get(word, word)
    return word if word in LEVELS else UNVERIFIED


def _upsert(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write rows, keeping what people decided; a level that was verified here is not lowered."""
    ids = [row["account_id"] for row in rows]
    known: dict[str, str] = {}
    for chunk in chunks(ids):
        known.update(
            session.execute(
                select(Account.account_id, Account.level).where(Account.account_id.in_(chunk))
            )
            .tuples()
            .all()
        )
    fresh = [
        {
            "organization_id": None,
            "created_at": None,
            "email_domain": None,
            "plan": None,
            "payment": None,
            "network": None,
            "level": UNVERIFIED,
            "action": "allow",
            "link_epoch": 0,
            "blinding": new_salt(),
            **row,
        }
        for row in rows
        if row["account_id"] not in known
    ]
    old = [
        {
            name: value
            for name, value in row.items()
            if name != "level" or known[row["account_id"]] == UNVERIFIED
        }
        for row in rows
        if row["account_id"] in known
    ]
    if fresh:
        session.execute(insert(Account), fresh)
    for shape in {tuple(row) for row in old}:
        session.execute(update(Account), [row for row in old if tuple(row) == shape])
