from __future__ import annotations

import subprocess
import sys

import pytest

import stillwatch

CODE = """
import stillwatch.scanning
import stillwatch
assert callable(stillwatch.scan), stillwatch.scan
assert stillwatch.Campaign is stillwatch.schema.Campaign
from stillwatch import *
assert scan is stillwatch.scanning.scan
"""


def test_what_is_promised_is_there_whatever_was_imported_before() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", CODE], check=True)


def test_every_promised_name_exists() -> None:
    assert all(getattr(stillwatch, name) is not None for name in stillwatch.__all__)
    assert set(dir(stillwatch)) == set(stillwatch.__all__)


def test_a_name_that_is_not_promised_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scna'"):
        _ = stillwatch.scna
