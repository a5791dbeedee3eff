"""One account that many people speak through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stillwatch.lab.group import Count, Group, NotNegative, Positive, Share
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import human, volumes
from stillwatch.lab.sender import Sender, api_settings, server_client
from stillwatch.lab.stage import company
from stillwatch.lab.text import wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


class Platform(Group, frozen=True, kw_only=True):
    """Products whose own users all come through the product's one account.

    The honest twin of a lone extractor: a heavy account, topics as broad as its users, one system
    prompt that may elicit reasoning. Its users have conversations and hours of their own.

    Attributes:
        accounts: products.
        users: of each.
        per_day: mean requests of a user a day.
        log_sd: spread of the users' volumes.
        named: share of products that say which of their users asks (`end_user_id`).
        careful: share of products whose system prompt makes the model reason at length.
    """

    kind: ClassVar[str] = "platform"

    accounts: Count = 6
    users: Count = 120
    per_day: Positive = 0.6
    log_sd: NotNegative = 1.0
    named: Share = 0.5
    careful: Share = 0.5

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        for number in range(self.accounts):
            yield from self._product(stage, number)

    def _product(self, stage: Stage, number: int) -> Iterator[Sent]:
        world = stage.world
        dice = stage.dice.child("product", number)
        rnd = dice.py
        name, domain = company(rnd)
        system = wording.product_system(rnd, name, careful=rnd.random() < self.careful)
        settings = api_settings(rnd, world, system=system)
        account = stage.admit(email_domain=domain, verification_level="business")
        sender = Sender(stage, account, server_client(rnd), settings, dice)
        named = rnd.random() < self.named
        counts = volumes(dice, self.users, self.per_day * world.days, self.log_sd)
        for user, count in enumerate(counts.tolist()):
            own = dice.child("user", user)
            person = persona(own, world.corpus, console=rnd.random() < 0.5)
            times = human(own, stage.habit(number, user), count, 0.0, world.end)
            end_user = f"user_{own.token('user')}" if named else None
            for ask in person.asks(own.child("asks"), times.tolist()):
                yield from sender.send(ask, end_user=end_user)
