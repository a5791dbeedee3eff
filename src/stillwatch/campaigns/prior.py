"""Families that somebody else has named: looked at in any case, and tested like all others.

What partners share says where to look. It does not depend on the testing half of this log, so a
test of what it points to is as valid as any other; and it is no evidence, so it appears in no test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stillwatch.campaigns.candidates import Family
    from stillwatch.schema import Prior

MAX_NAMED = 50
"""Groups that are tested because somebody named them, those with most confidence first: every test
makes the level stricter for all, and who shares garbage must not blind the detector."""


@dataclass(frozen=True)
class Priors:
    """Named families.

    Attributes:
        named: by kind and key, who named it.
    """

    named: Mapping[tuple[int, int], Prior]

    def of(self, families: Iterable[Family]) -> tuple[Prior, ...]:
        """Who named some of these families: most confident first, each campaign once."""
        found = [p for f in families if (p := self.named.get((f.kind, f.key))) is not None]
        found.sort(key=lambda p: (-p.confidence, p.source, p.campaign, p.valid_until))
        return tuple({(p.source, p.campaign): p for p in reversed(found)}.values())[::-1]

    def first(self, groups: list[tuple[Family, ...]]) -> tuple[list[tuple[Family, ...]], int]:
        """Groups of families with those that are named in front, and how many these are."""
        if not self.named:
            return groups, 0
        found = [self.of(group) for group in groups]
        named = [(priors[0].confidence, i) for i, priors in enumerate(found) if priors]
        order = [i for _, i in sorted(named, key=lambda n: (-n[0], n[1]))][:MAX_NAMED]
        rest = [group for i, group in enumerate(groups) if i not in set(order)]
        return [groups[i] for i in order] + rest, len(order)


NO_PRIORS = Priors({})
