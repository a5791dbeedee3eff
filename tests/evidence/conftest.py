from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stillwatch.evidence.bundle.build import build_bundle
from stillwatch.evidence.ledger import Ledger

from .scanned import AT, SIGNING, WORLD, Scanned, registrar, scanned

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.evidence.signing import SigningKey


@pytest.fixture
def key() -> SigningKey:
    return SIGNING


@pytest.fixture
def ledger(tmp_path: Path, key: SigningKey) -> Ledger:
    return Ledger(tmp_path / "ledger", key, clock=lambda: AT)


@pytest.fixture(scope="session")
def scan_folder(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """A scanned provider with a campaign and a lone extractor."""
    return scanned(tmp_path_factory.mktemp("evidence"), WORLD)


@pytest.fixture(scope="session")
def bundle_file(scan_folder: Scanned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the surest campaign."""
    folder = tmp_path_factory.mktemp("bundle")
    path = folder / "campaign.evidence.zip"
    data = build_bundle(scan_folder.folder, scan_folder.campaign.campaign_id, registrar(folder))
    path.write_bytes(data)
    return path
