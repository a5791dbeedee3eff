"""What every test may rely on: a key of its own, and programs that are there or named."""

from __future__ import annotations

import itertools
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

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


_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """URL of a store of objects that speaks S3, which the tests of a process share."""
    from tests.objects import MISSING, PYTHON, objects

    if not PYTHON.exists():
        if os.environ.get(REQUIRE_BINARIES) == "1":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    with objects() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a bucket with nothing in it, which the environment says how to reach."""
    from tests.objects import make_bucket

    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"bucket-{next(_NUMBERS)}"
    make_bucket(name)
    return f"s3://{name}"


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
