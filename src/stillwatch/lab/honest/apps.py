"""Strangers who use one program, one prompt or one glossary."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stillwatch.lab import network
from stillwatch.lab.group import Count, NotNegative, Positive, Share  # noqa: TC001
from stillwatch.lab.honest.crowd import Common, Crowd, topic_group
from stillwatch.lab.rhythm import DAY
from stillwatch.lab.stage import OLD_MODELS
from stillwatch.lab.text import wording
from stillwatch.lab.text.grammar import latin_name

if TYPE_CHECKING:
    from stillwatch.lab.stage import Stage


class PopularApp(Crowd, frozen=True, kw_only=True):
    """An open-source app: strangers send its system prompt and its user agent with own keys."""

    kind: ClassVar[str] = "popular_app"

    accounts: Count = 120
    per_day: Positive = 2.5
    log_sd: NotNegative = 1.0

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("app").py
        name = latin_name(rnd)
        return Common(
            system=wording.product_system(rnd, name),
            program=name.lower(),
            settings={"max_tokens": 4096, "temperature": rnd.choice((None, 0.5))},
        )


class PinnedApp(Crowd, frozen=True, kw_only=True):
    """An app that is pinned to one model, reached from each user's own program.

    Nobody of them adopts the new model, and their clients are as varied as those of an operator
    who gives each account a stack of its own.
    """

    kind: ClassVar[str] = "pinned_app"

    accounts: Count = 120
    per_day: Positive = 2.0

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("app").py
        return Common(
            system=wording.product_system(rnd, latin_name(rnd)),
            settings={"model": OLD_MODELS[1], "max_tokens": 1024, "temperature": 0.2},
        )


class ByoKeyProduct(Crowd, frozen=True, kw_only=True):
    """A bring-your-own-key product whose system prompt makes the model reason at length.

    The honest twin of a careful operator: fixed frame, elicited reasoning, long answers, mostly
    single turns, unrelated payers. Its users have topics, hours and volumes of their own.
    """

    kind: ClassVar[str] = "byo_key_product"

    accounts: Count = 100
    per_day: Positive = 3.5
    log_sd: NotNegative = 0.8

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("app").py
        name = latin_name(rnd)
        return Common(
            system=wording.product_system(rnd, name, careful=True),
            program=name.lower(),
            settings={"answer": 1100.0, "max_tokens": 8192, "reasoning": 1.0},
        )


class ViralPrompt(Crowd, frozen=True, kw_only=True):
    """A prompt that went round: strangers paste it for some days, each with filler of their own.

    Attributes:
        accounts: how many.
        per_day: requests of a member a day.
        phrased: share of fresh prompts that are the viral one, while it goes round.
        days: how long it goes round.
    """

    kind: ClassVar[str] = "viral_prompt"

    accounts: Count = 150
    per_day: Positive = 1.8
    log_sd: NotNegative = 1.0
    console: Share = 0.7
    phrased: Share = 0.5
    days: Positive = 5.0

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("viral").py
        head = (
            f"From now on you are {latin_name(rnd)}, my sharpest critic. {wording.elicitation(rnd)}"
        )
        text = f"{head} {wording.elicitation(rnd)} Start with what I tell you below."
        begin = DAY * rnd.uniform(0, max(0.1, stage.world.days - self.days))
        return Common(
            phrases=(text,),
            phrased=self.phrased,
            phrased_days=(begin, begin + self.days * DAY),
        )


class Freelancers(Crowd, frozen=True, kw_only=True):
    """Freelancers for one customer, with the customer's glossary as their system prompt."""

    kind: ClassVar[str] = "freelancers"

    accounts: Count = 25
    per_day: Positive = 4.0
    log_sd: NotNegative = 0.7

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("glossary").py
        terms = "; ".join(f"{latin_name(rnd)} = {latin_name(rnd).lower()}" for _ in range(20))
        return Common(
            system=f"Translate and edit for {latin_name(rnd)}. Glossary: {terms}.",
            interests=topic_group(stage, stage.dice.child("topics"), self.accounts, 6),
        )


class CarrierNat(Crowd, frozen=True, kw_only=True):
    """Strangers behind a few addresses of a mobile carrier."""

    kind: ClassVar[str] = "carrier_nat"

    accounts: Count = 80
    per_day: Positive = 2.0
    log_sd: NotNegative = 1.1
    console: Share = 0.7

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("carrier").py
        first = network.home(rnd)
        while ":" in first:
            first = network.home(rnd)
        block = first.rpartition(".")[0]
        return Common(
            addresses=tuple(f"{block}.{rnd.randrange(1, 255)}" for _ in range(2)),
            zone=rnd.choice((-5.0, 1.0, 5.5, 8.0)),
        )


class Hackathon(Crowd, frozen=True, kw_only=True):
    """48 hours in one hall: starter template, new accounts, no sleep, similar volumes."""

    kind: ClassVar[str] = "hackathon"

    accounts: Count = 40
    per_day: Positive = 22.0
    log_sd: NotNegative = 0.4

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        rnd = stage.dice.child("hall").py
        begin = DAY * rnd.uniform(0.2, max(0.3, stage.world.days - 2.2))
        place = network.cloud_network(rnd)
        return Common(
            system=wording.product_system(rnd, latin_name(rnd)),
            addresses=tuple(network.ipv4(*place, rnd) for _ in range(3)),
            flat=True,
            begin=begin,
            end=begin + 2 * DAY,
            opened=(begin - 0.5 * DAY, begin),
            settings={"max_tokens": 2048},
        )


class UniversityClass(Crowd, frozen=True, kw_only=True):
    """A class behind the campus network: one assignment that asks for working, own payments.

    Attributes:
        accounts: students.
        per_day: requests of a student a day, over the assignment's ten days.
        phrased: share of fresh prompts that paste a question of the assignment.
    """

    kind: ClassVar[str] = "university_class"

    accounts: Count = 45
    per_day: Positive = 2.5
    log_sd: NotNegative = 0.7
    console: Share = 0.5
    phrased: Share = 0.4

    def common(self, stage: Stage) -> Common:
        """See `Crowd`."""
        dice = stage.dice.child("campus")
        rnd, corpus = dice.py, stage.world.corpus
        interests = topic_group(stage, dice.child("topics"), self.accounts, 2)
        asked = wording.elicitation(rnd)
        questions = tuple(f"{corpus.prompt(rnd, interests[0])} {asked}" for _ in range(12))
        block = network.ipv4(*network.cloud_network(rnd), rnd).rpartition(".")[0]
        begin = DAY * rnd.uniform(0, max(0.1, stage.world.days - 10))
        return Common(
            addresses=tuple(f"{block}.{rnd.randrange(1, 255)}" for _ in range(4)),
            zone=rnd.choice((-6.0, 0.0, 1.0, 8.0)),
            begin=begin,
            end=begin + 10 * DAY,
            interests=interests,
            phrases=questions,
            phrased=self.phrased,
            opened=(begin - 6 * DAY, begin),
            account={"email_domain": f"{latin_name(rnd).lower()}-university.example"},
        )
