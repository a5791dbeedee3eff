"""A verification in words: what was checked, what was wrong, what nobody could check."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Result(StrEnum):
    """What came of a check."""

    PASSED = "checked"
    FAILED = "failed"
    OPEN = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: short, for programs.
        result: what came of it.
        text: one sentence for people.
    """

    name: str
    result: Result
    text: str


@dataclass
class Verification:
    """All checks of a bundle.

    Attributes:
        file: the bundle.
        checks: in the order in which they were made.
    """

    file: str
    checks: list[Check] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether no check failed."""
        return all(check.result is not Result.FAILED for check in self.checks)

    def passed(self, name: str, text: str) -> None:
        """Note that something is as it should be."""
        self.checks.append(Check(name, Result.PASSED, text))

    def failed(self, name: str, text: str) -> None:
        """Note that something is wrong."""
        self.checks.append(Check(name, Result.FAILED, text))

    def open(self, name: str, text: str) -> None:
        """Note that something could not be checked."""
        self.checks.append(Check(name, Result.OPEN, text))
