"""Operators who answer to decisions, in a replay of a log of their own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from msgspec import json

from stillwatch.guard import Guard, Policy, parse_policy
from stillwatch.lab.reacting import TRIES, Operators
from stillwatch.lab.stage import NEW_MODEL
from stillwatch.replay import replay

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
LIMITED = 'mode = "enforce"\n[limits.account]\nrequests = "{}/1d"\n'
WANTED = 40


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(json.encode(row) + b"\n" for row in rows))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two accounts of one campaign, and an honest one, by turns."""
    rows = [
        {
            "request_id": f"{account}{number}",
            "timestamp": (BEGIN + timedelta(minutes=3 * number, seconds=place)).isoformat(),
            "account_id": account,
            "model": "old",
            "prompt": f"What is {number} times {place}?",
        }
        for number in range(WANTED // 2)
        for place, account in enumerate(("x", "y", "honest"))
    ]
    return write(tmp_path / "log.jsonl", rows)


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    rows = [
        {"account_id": name, "payment_fingerprint": payer, "email_domain": "one.example"}
        for name, payer in (("x", "shared"), ("y", "shared"), ("honest", "own"))
    ]
    return write(tmp_path / "accounts.jsonl", rows)


class Told:
    """Remembers what operators ask after, and the model of each request."""

    def __init__(self, operators: Operators) -> None:
        self.operators, self.models = operators, Counter[str]()
        self.opened = operators.opened

    def before(self, turn: Any) -> Any:
        changed = self.operators.before(turn)
        self.models[changed.ask.model or ""] += 1
        return changed

    def after(self, turn: Any, decision: Any) -> Any:
        return self.operators.after(turn, decision)


def play(log: Path, accounts: Path, out: Path, requests: int) -> tuple[Told, list[dict[str, Any]]]:
    told: list[Told] = []

    def reacting(guard: Guard) -> Told:
        campaigns = {f"{a}{n}": "c" for a in ("x", "y") for n in range(WANTED)}
        told.append(Told(Operators(campaigns, guard)))
        return told[0]

    policy: Policy = parse_policy(LIMITED.format(requests))
    done = replay([log], out=out, accounts=accounts, policy=policy, reacting=reacting)
    return told[0], pq.read_table(done.decisions).to_pylist()


def test_refused_accounts_are_replaced_and_requests_tried_elsewhere(
    log: Path, accounts: Path, tmp_path: Path
) -> None:
    told, rows = play(log, accounts, tmp_path / "out", 3)
    outcome = told.operators.outcomes["c"]
    sent = Counter(row["account_id"] for row in rows if row["action"] == "allow")
    # three exchanges an account, so everything that was wanted took many accounts
    assert outcome.wanted == WANTED
    assert outcome.answered > 0.9 * WANTED
    assert outcome.accounts >= WANTED // 3
    assert max(sent.values()) == 3
    assert outcome.median == 3
    # nobody else changed: the honest account lost what was beyond its budget, once each
    honest = [row for row in rows if row["account_id"].startswith("honest")]
    assert [row["request_id"] for row in honest] == [f"honest{n}" for n in range(WANTED // 2)]
    # a retry has the first one's name, comes seconds later and from another account
    first = {row["request_id"]: row for row in rows}
    again = [row for row in rows if "~" in row["request_id"]]
    assert again
    for row in again:
        name, _, tries = row["request_id"].partition("~")
        assert 1 <= int(tries) < TRIES
        before = first[name if tries == "1" else f"{name}~{int(tries) - 1}"]
        assert before["action"] == "throttle"
        assert 2 <= (row["timestamp"] - before["timestamp"]).total_seconds() <= 20
        assert row["account_id"] != before["account_id"]
    # all refused ones were tried again, the very last of the log, too
    refused = {r["request_id"] for r in rows if r["action"] == "throttle"} - {
        r["request_id"] for r in honest
    }
    retried = {
        f"{name.partition('~')[0]}~{int(name.partition('~')[2] or 0) + 1}" for name in refused
    }
    assert {name for name in retried if not name.endswith(f"~{TRIES}")} <= first.keys()


def test_the_provider_knows_new_accounts_and_volume_moves_to_the_new_model(
    log: Path, accounts: Path, tmp_path: Path
) -> None:
    told, _ = play(log, accounts, tmp_path / "out", 3)
    guard, opened = told.operators._guard, told.opened()
    assert opened is not None
    rows = {row["account_id"]: row for row in opened.to_pylist()}
    assert rows.keys() == guard.profiles.keys() - {"x", "y", "honest"}
    # the operator's one payer stays, and the account is new
    assert {row["payment_fingerprint"] for row in rows.values()} == {"shared"}
    assert all(row["created_at"] >= BEGIN for row in rows.values())
    assert told.opened() is None
    assert told.models["old"] > WANTED // 2
    assert 0.3 * WANTED < told.models[NEW_MODEL] < 0.7 * WANTED


def test_whoever_is_left_alone_does_nothing(log: Path, accounts: Path, tmp_path: Path) -> None:
    told, rows = play(log, accounts, tmp_path / "out", 100)
    assert len(rows) == WANTED * 3 // 2
    assert told.operators.outcomes["c"].accounts == 2
    assert told.operators.outcomes["c"].leakage == 1
    assert told.opened() is None
    assert set(told.models) == {"old"}
