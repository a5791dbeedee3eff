"""Where a group acts: the world it shares with all others, and its own accounts and dice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stillwatch.lab import network
from stillwatch.lab.group import EXPECTED, Guilt
from stillwatch.lab.rhythm import DAY, Habit, Shapes
from stillwatch.lab.rows import Account
from stillwatch.lab.text.grammar import latin_name

if TYPE_CHECKING:
    import random

    from stillwatch.lab.rng import Dice
    from stillwatch.lab.text.corpus import Corpus

FREE_MAIL = (
    "gmail.com", "outlook.com", "qq.com", "163.com", "yahoo.com", "hotmail.com", "icloud.com",
    "proton.me", "mail.ru", "gmx.de",
)  # fmt: skip
FREE_MAIL_SHARES = (40, 14, 10, 7, 7, 6, 6, 4, 3, 3)
COUNTRIES = ("US", "IN", "CN", "BR", "DE", "GB", "FR", "JP", "SG", "CA", "MX", "NG", "PL", "KR")
ZONES = (-8.0, -7.0, -6.0, -5.0, -5.0, -3.0, 0.0, 1.0, 1.0, 2.0, 3.0, 5.5, 8.0, 8.0, 9.0)
"""Hours east of UTC, as often as people live there, roughly."""

OLD_MODELS = ("meridian-2", "meridian-2-mini")
NEW_MODEL = "meridian-3"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all groups share.

    Attributes:
        start: the window's first instant.
        days: its length.
        release: seconds from the start to the release of the new model.
        failures: share of requests that are answered 429; 5xx are half as many.
        corpus: where texts come from.
        shapes: where hours come from.
    """

    start: datetime
    days: int
    release: float
    failures: float
    corpus: Corpus
    shapes: Shapes

    @property
    def end(self) -> float:
        """Length of the window in seconds."""
        return self.days * DAY


@dataclass(slots=True, kw_only=True)
class Role:
    """The truth about one account."""

    account: Account
    group: str
    kind: Guilt
    campaign: str | None
    expected: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Stage:
    """One copy of a group in the world.

    Attributes:
        world: shared with all groups.
        dice: this copy's own.
        group: the group's name in the scenario.
        guilt: what its accounts are.
        campaign: the copy's campaign; None for honest groups.
        roles: the accounts admitted so far.
    """

    world: World
    dice: Dice
    group: str
    guilt: Guilt
    campaign: str | None
    roles: list[Role] = field(default_factory=list)

    def admit(self, *, created: float | None = None, **fields: str | None) -> Account:
        """Open an account.

        Args:
            created: seconds from the window's start (mostly negative); None for any day of the two
                years before, more often a recent one.
            **fields: fields of the account that are not to be drawn like a stranger's.

        Returns:
            The account, with fields of an ordinary stranger where none are given.
        """
        role = self.open(len(self.roles), created, **fields)
        self.roles.append(role)
        return role.account

    def account_id(self, number: int) -> str:
        """Name of the account that is opened as number `number`."""
        return f"acct_{self.dice.token('account', number)}"

    def open(self, number: int, created: float | None = None, **fields: str | None) -> Role:
        """The account that is opened as number `number`; arguments as in `admit`."""
        rnd = self.dice.child("account", number).py
        if created is None:
            created = -DAY * min(730.0, rnd.expovariate(1 / 200))
        defaults: dict[str, str | None] = {
            "email_domain": rnd.choices(FREE_MAIL, FREE_MAIL_SHARES)[0],
            "payment_fingerprint": f"pm_{self.dice.token('payment', number)}",
            "signup_address": network.home(rnd),
            "country": rnd.choice(COUNTRIES),
            "plan": rnd.choices(("payg", "free", "team"), (7, 2, 1))[0],
            "verification_level": rnd.choices(("email", "phone", "none"), (5, 4, 1))[0],
        }
        chosen = defaults | fields
        if chosen["plan"] == "free":
            chosen["payment_fingerprint"] = fields.get("payment_fingerprint")
        account = Account(
            account_id=self.account_id(number),
            created_at=stamp(self.world.start, int(created * 1000)),
            **chosen,
        )
        return Role(
            account=account,
            group=self.group,
            kind=self.guilt,
            campaign=self.campaign,
            expected=EXPECTED[self.guilt],
        )

    def habit(self, *path: str | int, zone: float | None = None) -> Habit:
        """The hours of one person, in a zone drawn from the world's if none is given."""
        dice = self.dice.child("habit", *path)
        return self.world.shapes.habit(dice, dice.py.choice(ZONES) if zone is None else zone)


def stamp(start: datetime, milliseconds: int) -> str:
    """RFC 3339 in UTC, that many milliseconds after `start`."""
    at = start + timedelta(milliseconds=milliseconds)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def company(rnd: random.Random) -> tuple[str, str]:
    """The name and the e-mail domain of an invented company."""
    name = latin_name(rnd) + rnd.choice(("", "", " Labs", " Systems", " Group"))
    return name, name.lower().replace(" ", "-") + ".example"
