from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from stillwatch.lab.registry import KINDS
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.simulate import simulate
from stillwatch.selfcheck import Check, selfcheck

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNTS = 8


@pytest.fixture(scope="session")
def log_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The log of a kind of the lab alone, as its own customer would have it."""

    @cache
    def log(kind: str) -> Path:
        accounts = min(KINDS[kind]().accounts, ACCOUNTS)
        world = Scenario(days=4, groups={kind: {"accounts": accounts}})
        return simulate(world, tmp_path_factory.mktemp(kind), seed=1).log

    return log


@pytest.fixture(scope="session")
def check_of(log_of: Callable[[str], Path]) -> Callable[[str], Check]:
    """The self-check of a kind, against the strict example terms."""

    @cache
    def check(kind: str) -> Check:
        return selfcheck([log_of(kind)], terms="strict")

    return check
