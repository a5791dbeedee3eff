"""Programs without people: labelling around the clock, and benchmarks on release day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stillwatch.lab.group import Count, Group, NotNegative, Positive, Share
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import DAY, HOUR, flat, human, volumes
from stillwatch.lab.rows import Ask
from stillwatch.lab.sender import Sender, Settings, api_settings, server_client
from stillwatch.lab.stage import NEW_MODEL, OLD_MODELS, company
from stillwatch.lab.text import wording
from stillwatch.lab.text.corpus import BENCHMARKS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from stillwatch.lab.rng import Dice
    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


class Batch(Group, frozen=True, kw_only=True):
    """Companies of one account each that send their own records through their own template.

    Single turns, fixed frame, almost no rest, equal volumes from one to the next: everything of a
    campaign but common control.

    Attributes:
        accounts: separate companies.
        per_day: requests of each a day.
        log_sd: spread of volumes; small, because prices and rate limits set them.
        flat: share of companies whose job never rests; the others follow their business.
        repeated: share of records that come again.
        answers: ``short`` labels, or ``long`` texts.
        topics: how many the records of a company are about.
    """

    kind: ClassVar[str] = "batch"

    accounts: Count = 12
    per_day: Positive = 90.0
    log_sd: NotNegative = 0.1
    flat: Share = 0.7
    repeated: Share = 0.05
    answers: Literal["short", "long"] = "short"
    topics: Count = 4

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        counts = volumes(stage.dice, self.accounts, self.per_day * stage.world.days, self.log_sd)
        for number, count in enumerate(counts.tolist()):
            dice = stage.dice.child("company", number)
            rnd = dice.py
            _, domain = company(rnd)
            account = stage.admit(email_domain=domain, verification_level="business")
            settings = self._settings(stage, rnd)
            sender = Sender(stage, account, server_client(rnd), settings, dice)
            if rnd.random() < self.flat:
                times = flat(dice, count, 0.0, stage.world.end)
            else:
                times = stage.world.shapes.customer(dice, count, 0.0, stage.world.end)
            records = self._records(stage, dice.child("records"))
            for at, text in zip(times.tolist(), records, strict=False):
                yield from sender.send(Ask(at, text))

    def _settings(self, stage: Stage, rnd: random.Random) -> Settings:
        if self.answers == "short":
            return api_settings(
                rnd,
                stage.world,
                answer=8.0,
                spread=0.4,
                max_tokens=32,
                temperature=0.0,
                reasoning=0.0,
            )
        return api_settings(rnd, stage.world, answer=850.0, max_tokens=4096)

    def _records(self, stage: Stage, dice: Dice) -> Iterator[str]:
        rnd, corpus = dice.py, stage.world.corpus
        interest = corpus.interest(rnd, topics=self.topics)
        head, tail = wording.labelling(rnd)
        if self.answers == "long":
            head = f"Write a catalogue text about this. {wording.elicitation(rnd)}\n\n"
            tail = ""
        seen: list[str] = []
        while True:
            if not seen or rnd.random() >= self.repeated:
                seen.append(f"{head}{corpus.record(rnd, interest)}{tail}")
                yield seen[-1]
            else:
                yield rnd.choice(seen)


class BatchLabelling(Batch, frozen=True, kw_only=True):
    """Round-the-clock labelling with short outputs."""

    kind: ClassVar[str] = "batch_labelling"


class BatchLong(Batch, frozen=True, kw_only=True):
    """A batch customer with long answers and a template that asks for the reasoning."""

    kind: ClassVar[str] = "batch_long"

    accounts: Count = 5
    per_day: Positive = 70.0
    answers: Literal["short", "long"] = "long"


class BenchmarkLabs(Group, frozen=True, kw_only=True):
    """Labs that run the same public benchmark on the new model when it comes out.

    All send the same questions in the wording of the same public harness, with reasoning elicited,
    from new and old accounts, within a day or two of the release: a shared corpus, broad coverage,
    no repeats within a run. What each of them runs overlaps with the others; shards of one queue
    would not.

    Attributes:
        accounts: separate labs.
        whole: share that runs a whole benchmark; the others a random part of it.
        harness: share that uses the public harness's words; the others have their own.
        per_day: mean requests a day besides the benchmark.
    """

    kind: ClassVar[str] = "benchmark_labs"

    accounts: Count = 14
    whole: Share = 0.4
    harness: Share = 0.6
    per_day: Positive = 4.0

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        public = wording.wrapper(stage.dice.child("harness").py)
        counts = volumes(stage.dice, self.accounts, self.per_day * stage.world.days, 0.9)
        for number, count in enumerate(counts.tolist()):
            dice = stage.dice.child("lab", number)
            rnd = dice.py
            _, domain = company(rnd)
            account = stage.admit(email_domain=domain)
            client = server_client(rnd)
            runs = api_settings(
                rnd, stage.world, model=NEW_MODEL, max_tokens=4096, answer=700.0, temperature=0.0
            )
            wrap = public if rnd.random() < self.harness else wording.wrapper(rnd)
            sender = Sender(stage, account, client, runs, dice)
            yield from self._run(stage, dice.child("run"), sender, wrap)
            usual = api_settings(rnd, stage.world, model=rnd.choice(OLD_MODELS))
            staff = Sender(stage, account, client, usual, dice.child("staff"))
            person = persona(dice, stage.world.corpus, console=False)
            times = human(dice, stage.habit(number), count, 0.0, stage.world.end)
            for ask in person.asks(dice.child("asks"), times.tolist()):
                yield from staff.send(ask)

    def _run(
        self, stage: Stage, dice: Dice, sender: Sender, wrap: tuple[str, str]
    ) -> Iterator[Sent]:
        rnd = dice.py
        questions = list(stage.world.corpus.benchmark(rnd.choice(BENCHMARKS)))
        if rnd.random() >= self.whole:
            questions = rnd.sample(questions, int(len(questions) * rnd.uniform(0.3, 0.8)))
        begin = stage.world.release + HOUR * rnd.expovariate(1 / 9)
        end = min(stage.world.end, begin + DAY * rnd.uniform(0.1, 1.2))
        if begin >= end:
            return
        head, tail = wrap
        for at, question in zip(flat(dice, len(questions), begin, end), questions, strict=True):
            yield from sender.send(Ask(float(at), f"{head}{question}{tail}"))
