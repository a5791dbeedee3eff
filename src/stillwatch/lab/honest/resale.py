"""A reseller that pools accounts behind a relay and sells access to paying users.

Facts about relays that this follows: a conversation stays on one account for an hour or more; when
an account is limited or fails, the mapping is dropped and the same body goes to another account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stillwatch.lab import network
from stillwatch.lab.group import Count, Group, Guilt, NotNegative, Positive
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import HOUR, human, volumes
from stillwatch.lab.sender import Sender, api_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rng import Dice
    from stillwatch.lab.rows import Ask, Sent
    from stillwatch.lab.stage import Stage

STICKY = HOUR
CARDS_OF = 6  # accounts to a card, as resellers buy prepaid cards


class Relay:
    """Accounts behind one relay.

    Args:
        stage: where they are opened.
        accounts: how many.
        dice: the relay's own.
    """

    def __init__(self, stage: Stage, accounts: int, dice: Dice) -> None:
        rnd = self._rnd = dice.py
        self._kept: dict[str, tuple[float, Sender]] = {}
        place, stack = network.cloud_network(rnd), network.library(rnd)
        self.senders: list[Sender] = []
        for number in range(accounts):
            account = stage.admit(
                payment_fingerprint=f"pm_{dice.token('card', number // CARDS_OF)}"
            )
            addresses = (network.ipv4(*place, rnd),)
            client = network.Client(addresses=addresses, stack=stack)
            settings = api_settings(rnd, stage.world, max_tokens=8192)
            self.senders.append(Sender(stage, account, client, settings, dice.child(number)))

    def forward(self, user: str, ask: Ask, *, system: str | None) -> Iterator[Sent]:
        """Send a user's request through the account that the user is mapped to."""
        until, sender = self._kept.get(user, (0.0, self.senders[0]))
        if ask.at >= until:
            sender = self._rnd.choice(self.senders)
        other = self._rnd.choice(self.senders)
        sent = list(sender.send(ask._replace(system=system or ""), other=other))
        failed = len(sent) > 1
        self._kept[user] = (ask.at + STICKY, other if failed else sender)
        yield from sent


class ResalePool(Group, frozen=True, kw_only=True):
    """Paying users behind a relay; nothing is harvested.

    Attributes:
        accounts: of the pool.
        users: paying users.
        per_day: mean requests of a user a day.
        log_sd: spread of the users' volumes.
    """

    kind: ClassVar[str] = "resale_pool"
    guilt: ClassVar[Guilt] = "pooled"

    accounts: Count = 30
    users: Count = 60
    per_day: Positive = 8.0
    log_sd: NotNegative = 1.0

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        relay = Relay(stage, self.accounts, stage.dice.child("relay"))
        yield from paying_users(stage, relay, self.users, self.per_day, self.log_sd)


def paying_users(
    stage: Stage, relay: Relay, users: int, per_day: float, log_sd: float
) -> Iterator[Sent]:
    """What the paying users of a relay ask, each with a system prompt and topics of their own."""
    corpus = stage.world.corpus
    counts = volumes(stage.dice.child("users"), users, per_day * stage.world.days, log_sd)
    asked: list[tuple[str, str | None, Ask]] = []
    for number, count in enumerate(counts.tolist()):
        dice = stage.dice.child("user", number)
        person = persona(dice, corpus, console=dice.py.random() < 0.6)
        system = corpus.reply(dice.py, person.interest) if dice.py.random() < 0.7 else None
        times = human(dice, stage.habit("user", number), count, 0.0, stage.world.end)
        asks = person.asks(dice.child("asks"), times.tolist())
        asked.extend((f"user-{number}", system, ask) for ask in asks)
    asked.sort(key=lambda one: (one[2].at, one[0]))
    for user, system, ask in asked:
        yield from relay.forward(user, ask, system=system)
