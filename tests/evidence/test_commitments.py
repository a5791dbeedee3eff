from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.evidence.commitments import Vault, commitment_of, opening_of
from stillwatch.evidence.ledger import Ledger, audit, last_pumped, pump
from stillwatch.evidence.signing import LEDGER, SigningKey

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Row:
    sequence: int
    kind: str
    payload: dict[str, Any]


def rows(count: int, start: int = 1) -> list[Row]:
    return [
        Row(i, "suspension", {"account_id": f"acct-{i}", "by": {"user": "ann"}, "days": 3})
        for i in range(start, start + count)
    ]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault.db")


def test_vault_is_private(vault: Vault, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "vault.db").stat().st_mode) == 0o600
    (tmp_path / "vault.db").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        Vault(tmp_path / "vault.db")


def test_file_that_is_no_vault_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"text" * 400)
    (tmp_path / "x").chmod(0o600)
    with pytest.raises(InputError, match="is no vault"):
        Vault(tmp_path / "x")


@given(st.binary(min_size=32, max_size=32), st.text(), st.text())
def test_commitment_is_to_one_identifier(secret: bytes, one: str, other: str) -> None:
    opening = opening_of(secret, "bundle")
    same = commitment_of(opening, one) == commitment_of(opening, other)
    assert same == (one == other)
    assert commitment_of(opening_of(secret, "other"), one) != commitment_of(opening, one)


def test_same_identifier_same_commitment_until_it_is_erased(vault: Vault, tmp_path: Path) -> None:
    first = vault.commitments(["a", "b"], "x")
    assert vault.commitments(["b", "a"], "x") == first
    secret_in_file = vault.openings(["a"], "x")["a"]
    assert vault.erase(["a", "unknown"]) == 1
    assert not vault.knows("a")
    again = vault.commitments(["a", "b"], "x")
    assert again["a"] != first["a"]
    assert again["b"] == first["b"]
    assert secret_in_file not in (tmp_path / "vault.db").read_bytes()


def test_erased_secret_is_not_left_in_the_file(vault: Vault, tmp_path: Path) -> None:
    import sqlite3

    vault.openings([f"filler-{i}" for i in range(200)], "x")
    vault.openings(["someone"], "x")
    database = sqlite3.connect(tmp_path / "vault.db")
    (secret,) = database.execute("SELECT secret FROM secrets WHERE identifier='someone'").fetchone()
    database.close()
    assert secret in (tmp_path / "vault.db").read_bytes()
    vault.erase(["someone"])
    left = (tmp_path / "vault.db").read_bytes()
    assert secret not in left
    assert b"someone" not in left


def test_audit_table_enters_once_and_without_names(
    ledger: Ledger, vault: Vault, key: SigningKey
) -> None:
    assert pump(rows(5), ledger, vault, source="cases") == 5
    table = rows(8)
    left = [row for row in table if row.sequence > last_pumped(ledger, "cases")]
    assert pump(left, ledger, vault, source="cases") == 3
    ledger.checkpoint()
    entries = [e for e in ledger.entries() if e.kind == "suspension"]
    assert [e.payload["sequence"] for e in entries] == list(range(1, 9))
    everything = b"".join(ledger.raw(i) for i in range(ledger.size))
    assert b"acct-" not in everything
    assert b"ann" not in everything
    assert entries[0].payload["content"]["days"] == 3
    users = {e.payload["content"]["by"]["user"] for e in entries}
    assert users == set(vault.commitments(["ann"], "ledger").values())
    vault.erase(["acct-1", "ann"])
    assert audit(ledger.folder, [key.public(LEDGER)]).sound


def test_audit_table_that_was_changed_is_refused(ledger: Ledger, vault: Vault) -> None:
    pump(rows(3), ledger, vault, source="cases")
    with pytest.raises(InputError, match="has entry 2 after 3"):
        pump(rows(1, start=2), ledger, vault, source="cases")
    assert pump(rows(1, start=2), ledger, vault, source="another") == 1
