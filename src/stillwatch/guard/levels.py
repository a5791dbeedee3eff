"""What an account may do by its verification level: models, and features of answers."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from stillwatch.guard.restrict import restrictions
from stillwatch.standing import level_named

if TYPE_CHECKING:
    from stillwatch.guard.decision import Restrictions
    from stillwatch.guard.policy import Policy


class May(NamedTuple):
    """What one level may do: which models (all where None), and what answers go without."""

    models: re.Pattern[str] | None = None
    restrictions: Restrictions | None = None

    def use(self, model: str | None) -> bool:
        """Whether a model is open to it; one that nobody named is."""
        return self.models is None or model is None or self.models.match(model) is not None


EVERYTHING = May()


class Levels:
    """The levels of a policy, ready for use.

    Args:
        policy: the whole policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._may = {
            level_named(name): May(
                re.compile("|".join(map(translate, access.models))) if access.models else None,
                restrictions(access.restrict) if access.restrict else None,
            )
            for name, access in policy.levels.items()
        }

    def of(self, level: str | None) -> May:
        """What an account may do; everything where its level is not known or not named."""
        if not self._may or level is None:
            return EVERYTHING
        return self._may.get(level_named(level), EVERYTHING)
