"""What every test may rely on: a key of its own, and programs that are there or named."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# how fast an example runs says how busy the machine is
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

REQUIRE_BINARIES = "STILLWATCH_REQUIRE_BINARIES"
"""Set to 1 (as `.ci/run` does), a missing program fails the test instead of skipping it."""

TEST_KEY = "5c" * 32


@pytest.fixture(autouse=True)
def deployment_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give every test a key through the environment, so that none makes one in the user's home."""
    monkeypatch.setenv("STILLWATCH_KEY", TEST_KEY)
    return TEST_KEY


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing, or fail it where programs are required."""
    for marker in item.iter_markers("binary"):
        name: str = marker.args[0]
        if shutil.which(name) is not None:
            continue
        package = marker.kwargs.get("package", name)
        reason = f"{name} is not installed: apt-get install {package}"
        if os.environ.get(REQUIRE_BINARIES) == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
