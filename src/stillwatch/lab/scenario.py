"""Scenarios: which groups live in the simulated world, read from TOML and checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.lab.group import Positive, Share  # noqa: TC001 (read at run time)
from stillwatch.lab.registry import KINDS
from stillwatch.lab.rows import Account, Row

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.lab.group import Group

_PRESETS = "presets"
_WITHOUT_ADVERSARIES = {"honest": "demo"}
_NEEDED = ("request_id", "timestamp", "account_id", "model", "prompt", "messages")


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A world to simulate.

    Attributes:
        title: one line for people.
        start: the window's first instant, with a time zone.
        days: the window's length; the 7-day week begins with `start`.
        release_day: when a new model comes out, in days from the start; None for the middle.
        failures: share of requests answered 429 (5xx are half as many).
        scale: multiplies `accounts` of every group with more than one.
        sketches: too large for text: `stillwatch lab simulate` writes sketches instead.
        without: fields left out of the log and of the account file, such as ``client_address``.
        groups: name in the results to `kind` and knobs.
    """

    title: str = ""
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    days: Annotated[int, msgspec.Meta(ge=1)] = 14
    release_day: float | None = None
    failures: Share = 0.006
    scale: Positive = 1.0
    sketches: bool = False
    without: tuple[str, ...] = ()
    groups: dict[str, dict[str, Any]] = {}

    def __post_init__(self) -> None:
        optional = (set(Row.__struct_fields__) | set(Account.__struct_fields__)) - set(_NEEDED)
        unknown = sorted(set(self.without) - optional)
        if unknown:
            raise ValueError(f"without: no optional field is named {', '.join(unknown)}")
        if self.start.tzinfo is None:
            raise ValueError("start: needs a time zone, such as 2026-03-02T00:00:00Z")
        self.built()

    def built(self) -> dict[str, Group]:
        """The groups with their knobs checked and `scale` applied, in the file's order."""
        return {name: self._build(name, dict(given)) for name, given in self.groups.items()}

    def _build(self, name: str, given: dict[str, Any]) -> Group:
        kind = given.pop("kind", name)
        if kind not in KINDS:
            raise ValueError(
                f"groups.{name}: no kind {kind!r}; there are {', '.join(sorted(KINDS))}"
            )
        try:
            group = msgspec.convert(given, KINDS[kind])
        except msgspec.ValidationError as error:
            raise ValueError(f"groups.{name}: {error}") from error
        if self.scale != 1.0 and group.accounts > 1:
            size = max(2, round(group.accounts * self.scale))
            return msgspec.structs.replace(group, accounts=size)
        return group

    @property
    def release(self) -> timedelta:
        """From the start to the release of the new model."""
        return timedelta(days=self.days / 2 if self.release_day is None else self.release_day)

    def resized(self, scale: float) -> Scenario:
        """The same world with `scale` times as many accounts, in the same proportions.

        Of a group with copies there are so many times more or fewer copies, each as large as
        before, as long as one is left.
        """
        groups = {}
        for name, group in self.built().items():
            copies = max(1, round(group.copies * scale)) if group.copies > 1 else 1
            rest = scale * group.copies / copies
            size = group.accounts if copies > 1 else max(2, round(group.accounts * rest))
            if group.accounts == 1:
                size = 1
            groups[name] = self.groups[name] | {"accounts": size, "copies": copies}
        return msgspec.structs.replace(self, groups=groups, scale=1.0)

    def honest(self) -> Scenario:
        """The same world without its adversaries: the null."""
        kept = {
            name: self.groups[name]
            for name, group in self.built().items()
            if group.guilt != "campaign"
        }
        return msgspec.structs.replace(self, groups=kept)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario from a TOML file.

    Raises:
        InputError: the file cannot be read, or a knob does not exist or has a wrong value.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except (OSError, ValueError) as error:
        raise InputError(f"not a scenario: {error}", file=str(path)) from error


def presets() -> tuple[str, ...]:
    """Names of the scenarios that come with the package."""
    folder = resources.files("stillwatch.lab") / _PRESETS
    files = (file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(sorted([*_WITHOUT_ADVERSARIES, *(name.removesuffix(".toml") for name in files)]))


def preset(name: str) -> Scenario:
    """A scenario that comes with the package.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in presets():
        raise UsageError(f"no scenario {name!r}; there are {', '.join(presets())}")
    if name in _WITHOUT_ADVERSARIES:
        return preset(_WITHOUT_ADVERSARIES[name]).honest()
    text = (resources.files("stillwatch.lab") / _PRESETS / f"{name}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Scenario)
