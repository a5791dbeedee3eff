"""The house's rules for people's decisions: levels, programmes, deadlines, four eyes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from stillwatch.cases.errors import RefusedError
from stillwatch.standing import LEVELS, Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A path to special terms, which frauds have used: it needs evidence of its own and expires.

    Attributes:
        name: as written in policies.
        evidence: kinds of evidence that are accepted.
        valid: how long it holds before it has to be shown again.
        level: the level that it needs besides.
    """

    name: str
    evidence: tuple[str, ...]
    valid: timedelta
    level: str


PROGRAMMES = (
    Programme(
        name="education",
        evidence=("institution login", "institution letter"),
        valid=timedelta(days=180),
        level="email",
    ),
    Programme(
        name="security research",
        evidence=("published work", "employer confirmation", "known researcher vouches"),
        valid=timedelta(days=180),
        level="phone",
    ),
    Programme(
        name="start-up",
        evidence=("company register", "investor confirmation"),
        valid=timedelta(days=365),
        level="payment",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a deployment can set.

    Attributes:
        four_eyes_from: a suspension that hits at least so many accounts needs a second person.
        programmes: the paths to special terms.
        level_valid: how long a reached level holds; organisation papers age, a phone may be sold.
        step_up_wait: how long an account has to verify.
        after_failure: what happens when it does not.
        appeal_deadline: how long an appeal may wait for an answer.
        bulk_batch: accounts that a bulk decision changes in one transaction.
        signup_window: how far back registrations are compared.
        retention: how long personal fields of accounts without a case or measure are kept.
        signup_retention: the same for registrations.
    """

    four_eyes_from: int = 2
    programmes: tuple[Programme, ...] = PROGRAMMES
    level_valid: dict[str, timedelta] = field(
        default_factory=lambda: {
            "phone": timedelta(days=365),
            "payment": timedelta(days=365),
            "organisation": timedelta(days=365),
        }
    )
    step_up_wait: timedelta = timedelta(days=7)
    after_failure: Action = Action.RESTRICT
    appeal_deadline: timedelta = timedelta(days=7)
    bulk_batch: int = 500
    signup_window: timedelta = timedelta(days=30)
    retention: timedelta = timedelta(days=180)
    signup_retention: timedelta = timedelta(days=90)

    def programme(self, name: str) -> Programme | None:
        """A programme by name."""
        return next((one for one in self.programmes if one.name == name), None)

    def rank(self, level: str) -> int:
        """The strength of a level: 0 for unverified.

        Raises:
            RefusedError: there is no such level.
        """
        if level not in LEVELS:
            raise RefusedError(f"there is no level {level!r}; levels are {', '.join(LEVELS)}")
        return LEVELS.index(level)
