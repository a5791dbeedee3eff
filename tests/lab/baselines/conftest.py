from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.schema import ACCOUNTS, REQUESTS

START = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE, RING = 60, 8


class Log:
    """Sixty people with hours, words and networks of their own, and a ring that shares a queue."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.rows: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []

    def people(self) -> Log:
        for number in range(PEOPLE):
            words = [f"{w}{number}" for w in ("stove", "garden", "ledger", "engine", "violin")]
            for _ in range(int(self.rng.integers(8, 25))):
                hour = float(self.rng.uniform(0, 14 * 24))
                text = " ".join(self.rng.choice(words, 9))
                self.send(f"p{number:02d}", hour, text, f"10.{number}.0.9", f"ja4-{number % 3}")
            self.accounts.append(
                {"account_id": f"p{number:02d}", "payment_fingerprint": f"c{number}"}
            )
        return self

    def ring(self, *, requests: int = 20) -> Log:
        for step in range(requests):
            for member in range(RING):
                text = f"Think step by step and answer as an expert would: item {step}-{member}"
                network = f"192.0.{step % 4}.{member}"
                self.send(f"r{member}", 5 * step + 0.01 * member, text, network, "ja4-0")
        self.accounts += [
            {"account_id": f"r{n}", "payment_fingerprint": "stolen"} for n in range(RING)
        ]
        return self

    def send(self, account: str, hour: float, prompt: str, address: str, tls: str) -> None:
        self.rows.append(
            {
                "request_id": f"q{len(self.rows)}",
                "timestamp": START + timedelta(hours=hour),
                "account_id": account,
                "model": "m",
                "prompt": prompt,
                "turns": 1,
                "client_address": address,
                "tls_fingerprint": tls,
                "output_tokens": 100,
            }
        )

    @property
    def requests(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, schema=REQUESTS)

    @property
    def declared(self) -> pa.Table:
        return pa.Table.from_pylist(self.accounts, schema=ACCOUNTS)


def accused(table: pa.Table) -> set[str]:
    return {row["account_id"] for row in table.to_pylist() if row["accused"]}


RING_IDS = {f"r{n}" for n in range(RING)}


@pytest.fixture
def log() -> Log:
    return Log()
