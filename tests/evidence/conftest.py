from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from stillwatch.evidence.ledger import Ledger
from stillwatch.evidence.signing import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey("evidence.example.com", b"\x11" * 32)


@pytest.fixture
def ledger(tmp_path: Path, key: SigningKey) -> Ledger:
    return Ledger(tmp_path / "ledger", key, clock=lambda: AT)
