"""Sweeps: one habit of one adversary, turned from one end to the other.

A sweep is a small TOML file under `lab/presets/sweeps`: a world, an adversary, a knob and the
values it takes. Each value is a world of its own, so that campaigns do not lend each other
evidence.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import UsageError
from stillwatch.lab.scenario import preset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.scenario import Scenario

Value = float | int | str | bool

ADVERSARY = "adversary"
"""Name of the swept group in results."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A power curve to measure.

    Attributes:
        title: what is turned, for people.
        axis: the values' unit.
        preset: the world without the adversary.
        knob: of the adversary (of the scenario if it is one of its fields).
        values: what the knob is set to, in the order of the axis.
        adversary: kind and the other knobs.
    """

    title: str
    axis: str
    knob: str
    values: tuple[Value, ...]
    adversary: dict[str, Any]
    preset: str = "backdrop"

    def worlds(self) -> Iterator[tuple[Value, Scenario]]:
        """Each value with its world."""
        base = preset(self.preset)
        for value in self.values:
            group = dict(self.adversary)
            world = base
            if self.knob in base.__struct_fields__:
                world = msgspec.structs.replace(world, **{self.knob: value})
            else:
                group[self.knob] = value
            yield (
                value,
                msgspec.structs.replace(world, groups={**world.groups, ADVERSARY: group}),
            )


def _folder() -> Any:
    return resources.files("stillwatch.lab") / "presets" / "sweeps"


def sweeps() -> tuple[str, ...]:
    """Names of the sweeps that come with the package."""
    names = (file.name for file in _folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def sweep(name: str) -> Sweep:
    """A sweep by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in sweeps():
        raise UsageError(f"no sweep {name!r}; there are {', '.join(sweeps())}")
    return msgspec.toml.decode((_folder() / f"{name}.toml").read_bytes(), type=Sweep)
