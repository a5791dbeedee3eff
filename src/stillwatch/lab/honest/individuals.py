"""People on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stillwatch.lab.group import Count, Group, NotNegative, Positive, Share
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import human, volumes
from stillwatch.lab.sender import Sender, api_settings, chat_settings, person_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


class Individuals(Group, frozen=True, kw_only=True):
    """Strangers, each with hours, topics, clients and a volume of their own.

    Nothing joins them. Volumes spread widely: some ask once or twice in all, some all day.

    Attributes:
        accounts: how many.
        per_day: mean requests a day.
        log_sd: spread of volumes.
        console: share that uses the provider's own chat and not the API.
        rare: share that asks one to three times in all.
        generalists: share with dozens of topics: teachers, journalists, people who are curious.
        systems: share of API users who set a system prompt of their own.
    """

    kind: ClassVar[str] = "individuals"

    accounts: Count = 200
    per_day: Positive = 3.0
    log_sd: NotNegative = 1.1
    console: Share = 0.5
    rare: Share = 0.12
    generalists: Share = 0.04
    systems: Share = 0.4

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        world = stage.world
        counts = volumes(stage.dice, self.accounts, self.per_day * world.days, self.log_sd)
        for number, count in enumerate(counts.tolist()):
            dice = stage.dice.child("person", number)
            rnd = dice.py
            if rnd.random() < self.rare:
                count = rnd.randint(1, 3)  # noqa: PLW2901
            console = rnd.random() < self.console
            topics = rnd.randint(30, 80) if rnd.random() < self.generalists else None
            interest = world.corpus.interest(rnd, topics=topics)
            person = persona(dice, world.corpus, console=console, interest=interest)
            settings = (chat_settings if console else api_settings)(rnd, world)
            if not console and rnd.random() < self.systems:
                system = world.corpus.reply(rnd, person.interest)
                settings = api_settings(rnd, world, system=f"You help with this: {system}")
            sender = Sender(
                stage, stage.admit(), person_client(rnd, console=console), settings, dice
            )
            times = human(dice, stage.habit(number), count, 0.0, world.end)
            for ask in person.asks(dice.child("asks"), times.tolist()):
                yield from sender.send(ask)
