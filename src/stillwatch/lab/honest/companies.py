"""Companies: declared, undeclared, and one that shards a job of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stillwatch.lab import network
from stillwatch.lab.group import Count, Group, Guilt, NotNegative, Positive, Share
from stillwatch.lab.honest.crowd import Common, Crowd, topic_group
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import flat, human, volumes
from stillwatch.lab.rows import Ask
from stillwatch.lab.sender import Sender, api_settings
from stillwatch.lab.stage import company
from stillwatch.lab.text import wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


class Enterprise(Crowd, frozen=True, kw_only=True):
    """A declared organisation: many accounts, one template, one payer, one network."""

    kind: ClassVar[str] = "enterprise"

    accounts: Count = 30
    per_day: Positive = 7.0
    log_sd: NotNegative = 0.8

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        dice = stage.dice.child("company")
        rnd = dice.py
        name, domain = company(rnd)
        place = network.cloud_network(rnd)
        return Common(
            system=wording.product_system(rnd, name, careful=rnd.random() < 0.5),
            addresses=tuple(network.ipv4(*place, rnd) for _ in range(3)),
            zone=rnd.choice((-8.0, -5.0, 0.0, 1.0, 8.0)),
            interests=topic_group(stage, dice.child("topics"), self.accounts, 12),
            account={
                "organization_id": f"org_{dice.token(size=6)}",
                "email_domain": domain,
                "payment_fingerprint": f"pm_{dice.token('payer')}",
                "plan": "enterprise",
                "verification_level": "business",
            },
        )


class Agency(Group, frozen=True, kw_only=True):
    """An agency with an account for each of its clients and no declared organisation.

    Payer and office network are shared and in the open; templates and topics are the clients'.
    """

    kind: ClassVar[str] = "agency"
    guilt: ClassVar[Guilt] = "pooled"

    accounts: Count = 10
    per_day: Positive = 10.0
    log_sd: NotNegative = 0.8

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        dice = stage.dice.child("office")
        rnd = dice.py
        _, domain = company(rnd)
        place = network.cloud_network(rnd)
        office = tuple(network.ipv4(*place, rnd) for _ in range(2))
        stack = network.library(rnd)
        payer = f"pm_{dice.token('payer')}"
        zone = rnd.choice((-5.0, 1.0, 5.5))
        counts = volumes(stage.dice, self.accounts, self.per_day * stage.world.days, self.log_sd)
        for number, count in enumerate(counts.tolist()):
            own = stage.dice.child("client", number)
            name, _ = company(own.py)
            account = stage.admit(email_domain=domain, payment_fingerprint=payer)
            client = network.Client(addresses=office, stack=stack, away=0.3)
            settings = api_settings(
                own.py, stage.world, system=wording.product_system(own.py, name)
            )
            sender = Sender(stage, account, client, settings, own)
            person = persona(own, stage.world.corpus, console=False)
            times = human(own, stage.habit(number, zone=zone), count, 0.0, stage.world.end)
            for ask in person.asks(own.child("asks"), times.tolist()):
                yield from sender.send(ask)


class ShardedCompany(Group, frozen=True, kw_only=True):
    """A company that spreads one honest job over undeclared accounts to get more throughput.

    It looks like a campaign by construction: flat hours, equal volumes, one template, one queue
    without repeats, long answers. It hides nothing (one company domain, one payer, one network),
    and its documents are about its own business.

    Attributes:
        accounts: how many the job is spread over.
        per_day: requests of each a day.
        repeated: share of documents that come again.
        topics: how many the company's documents are about.
        answers: ``long`` summaries or ``short`` labels.
        cards: ``one`` payer, or an own card for each account.
    """

    kind: ClassVar[str] = "sharded_company"
    guilt: ClassVar[Guilt] = "pooled"

    accounts: Count = 12
    per_day: Positive = 25.0
    log_sd: NotNegative = 0.0
    repeated: Share = 0.02
    topics: Count = 8
    answers: Literal["long", "short"] = "long"
    cards: Literal["one", "own"] = "one"

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        dice = stage.dice.child("company")
        rnd, corpus = dice.py, stage.world.corpus
        name, domain = company(rnd)
        senders = self._senders(stage, domain, wording.product_system(rnd, name, careful=True))
        interest = corpus.interest(rnd, topics=self.topics)
        head = f"Report for the {name} archive on the following entry.\n\n"
        sent: list[str] = []
        counts = volumes(stage.dice, self.accounts, self.per_day * stage.world.days, self.log_sd)
        shards = [n for n, count in enumerate(counts.tolist()) for _ in range(count)]
        rnd.shuffle(shards)
        times = flat(dice, len(shards), 0.0, stage.world.end)
        for at, shard in zip(times.tolist(), shards, strict=True):
            if not sent or rnd.random() >= self.repeated:
                sent.append(f"{head}{corpus.record(rnd, interest)}")
                text = sent[-1]
            else:
                text = rnd.choice(sent)
            yield from senders[shard].send(Ask(at, text), other=rnd.choice(senders))

    def _senders(self, stage: Stage, domain: str, system: str) -> list[Sender]:
        dice = stage.dice.child("machines")
        rnd = dice.py
        place, stack = network.cloud_network(rnd), network.library(rnd)
        payer = f"pm_{dice.token('payer')}"
        size: dict[str, object] = (
            {"answer": 900.0, "max_tokens": 4096}
            if self.answers == "long"
            else {"answer": 12.0, "max_tokens": 64}
        )
        settings = api_settings(rnd, stage.world, system=system, **size)
        senders = []
        for number in range(self.accounts):
            card = payer if self.cards == "one" else f"pm_{dice.token('card', number)}"
            account = stage.admit(email_domain=domain, payment_fingerprint=card, plan="payg")
            addresses = (network.ipv4(*place, rnd),)
            client = network.Client(addresses=addresses, stack=stack)
            senders.append(Sender(stage, account, client, settings, dice.child("key", number)))
        return senders
