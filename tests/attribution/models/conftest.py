"""Tests that need PyTorch: skipped without it, failed where nothing may be skipped."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEEDED = ("torch", "transformers")
REASON = "PyTorch is not installed: make .venv/torch.stamp"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The modules import PyTorch, so without it they are not even read."""
    missing = any(find_spec(name) is None for name in NEEDED)
    if missing and collection_path.parent == HERE and collection_path.name != "test_present.py":
        return True
    return None


@pytest.fixture(autouse=True, scope="session")
def quiet_torch() -> None:
    """One thread: the tests run side by side."""
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


@pytest.fixture
def torch_needed() -> None:
    if all(find_spec(name) is not None for name in NEEDED):
        return
    if os.environ.get("STILLWATCH_REQUIRE_BINARIES") == "1":
        pytest.fail(REASON, pytrace=False)
    pytest.skip(REASON)
