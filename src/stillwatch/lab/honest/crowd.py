"""People who have something in common, in the many innocent ways in which people do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stillwatch.lab import network
from stillwatch.lab.group import Count, Group, NotNegative, Positive, Share
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import DAY, flat, human, volumes
from stillwatch.lab.sender import (
    NEVER,
    Sender,
    api_settings,
    chat_settings,
    person_client,
    server_client,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from stillwatch.lab.network import Client
    from stillwatch.lab.rng import Dice
    from stillwatch.lab.rows import Ask, Sent
    from stillwatch.lab.sender import Settings
    from stillwatch.lab.stage import Stage
    from stillwatch.lab.text.grammar import Interest


@dataclass(slots=True, kw_only=True)
class Common:
    """What the members of a crowd share; None or empty leaves it to each member.

    Attributes:
        system: system prompt.
        program: name of the client program.
        addresses: where all come from.
        zone: hours east of UTC.
        flat: nobody sleeps.
        begin, end: when the crowd is active, seconds from the start; `end` None for the window's.
        interests: topics, one of which each member takes as its own.
        phrases: texts that members send word for word, in a share of requests given by `phrased`.
        phrased: that share.
        phrased_days: first and last second of doing so; None for always.
        opened: seconds from the start between which all accounts were opened.
        settings: fields of `Settings`.
        account: fields of the account.
        servers: members are programs on rented machines, not people's computers.
    """

    system: str | None = None
    program: str | None = None
    addresses: tuple[str, ...] = ()
    zone: float | None = None
    flat: bool = False
    begin: float = 0.0
    end: float | None = None
    interests: tuple[Interest, ...] = ()
    phrases: tuple[str, ...] = ()
    phrased: float = 0.0
    phrased_days: tuple[float, float] | None = None
    opened: tuple[float, float] | None = None
    settings: dict[str, object] = field(default_factory=dict)
    account: dict[str, str | None] = field(default_factory=dict)
    servers: bool = False


class Crowd(Group, frozen=True, kw_only=True):
    """A crowd; a subclass says in `common` what its members share.

    Attributes:
        accounts: of each copy.
        per_day: mean requests of a member on a day of the crowd's activity.
        log_sd: spread of volumes.
        console: share of members who use the provider's own chat.
    """

    accounts: Count = 60
    per_day: Positive = 3.0
    log_sd: NotNegative = 0.9
    console: Share = 0.0

    def common(self, stage: Stage) -> Common:
        """What the members of this copy share."""
        raise NotImplementedError

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        common = self.common(stage)
        end = stage.world.end if common.end is None else min(common.end, stage.world.end)
        mean = self.per_day * (end - common.begin) / DAY
        counts = volumes(stage.dice, self.accounts, max(1.0, mean), self.log_sd)
        for number, count in enumerate(counts.tolist()):
            yield from self._member(stage, common, number, count, end)

    def _member(
        self, stage: Stage, common: Common, number: int, count: int, end: float
    ) -> Iterator[Sent]:
        dice = stage.dice.child("person", number)
        rnd = dice.py
        console = rnd.random() < self.console
        interest = rnd.choice(common.interests) if common.interests else None
        person = persona(dice, stage.world.corpus, console=console, interest=interest)
        opened = rnd.uniform(*common.opened) if common.opened else None
        sender = Sender(
            stage,
            stage.admit(created=opened, **common.account),
            _client(rnd, common, console=console),
            _settings(rnd, stage, common, console=console),
            dice,
        )
        if common.flat:
            times = flat(dice, count, common.begin, end)
        else:
            habit = stage.habit(number, zone=common.zone)
            times = human(dice, habit, count, common.begin, end)
        for ask in person.asks(dice.child("asks"), times.tolist()):
            yield from sender.send(_phrased(rnd, common, ask))


def _phrased(rnd: random.Random, common: Common, ask: Ask) -> Ask:
    """Where it applies, a shared text, in half of the cases with the member's own after it."""
    first, last = common.phrased_days or (0.0, ask.at)
    if not common.phrases or ask.history or not first <= ask.at <= last:
        return ask
    if rnd.random() >= common.phrased:
        return ask
    phrase = rnd.choice(common.phrases)
    own = rnd.random() < 0.5
    return ask._replace(prompt=f"{phrase}\n{ask.prompt}" if own else phrase)


def _client(rnd: random.Random, common: Common, *, console: bool) -> Client:
    client = server_client(rnd) if common.servers else person_client(rnd, console=console)
    if common.addresses:
        client.addresses = (rnd.choice(common.addresses), *client.addresses[:1])
        client.access_path = "console" if console else "api"
    if common.program:
        client.stack = network.named_program(rnd, common.program)
    return client


def _settings(rnd: random.Random, stage: Stage, common: Common, *, console: bool) -> Settings:
    draw = chat_settings if console else api_settings
    fields = {"system": common.system} | common.settings
    if "model" in fields:
        fields["moves_at"] = NEVER
    return draw(rnd, stage.world, **fields)


def topic_group(stage: Stage, dice: Dice, members: int, topics: int) -> tuple[Interest, ...]:
    """Interests of people who work on the same `topics` but have names of their own."""
    rnd = dice.py
    first = stage.world.corpus.interest(rnd, topics=topics)
    others = (stage.world.corpus.interest(rnd, topics=topics) for _ in range(members - 1))
    same = (
        type(first)(
            topics=first.topics,
            weights=one.weights,
            language=first.language,
            names=(*first.names[:2], *one.names),
            wordiness=one.wordiness,
        )
        for one in others
    )
    return (first, *same)
