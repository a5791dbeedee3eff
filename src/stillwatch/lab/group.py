"""What every kind of group has in common: knobs, a verdict that would be right, and a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Guilt = Literal["honest", "pooled", "campaign"]

EXPECTED: dict[Guilt, tuple[str, ...]] = {
    "honest": ("clear", "inconclusive"),
    "pooled": ("inconclusive", "pooled"),
    "campaign": ("distillation",),
}
"""Which verdicts are right."""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of group; a subclass adds knobs and says what its members do.

    Attributes:
        accounts: of each copy.
        copies: independent groups of this description.
    """

    kind: ClassVar[str]
    guilt: ClassVar[Guilt] = "honest"

    accounts: Count = 20
    copies: Count = 1

    def play(self, stage: Stage) -> Iterator[Sent]:
        """The requests of one copy, in any order."""
        raise NotImplementedError
