"""One operator's harvest over many accounts, with every habit a knob."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stillwatch.errors import UsageError
from stillwatch.lab.adversaries.clock import dispatch
from stillwatch.lab.adversaries.fleet import Email, Fleet, Networks, Payment, SignUp, Stacks
from stillwatch.lab.adversaries.rota import Member, Rota, lives
from stillwatch.lab.adversaries.work import Dressing, Script, Task, Wording
from stillwatch.lab.group import Count, Group, Guilt, Natural, NotNegative, Positive, Share
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import DAY, HOUR, human, volumes
from stillwatch.lab.rows import Ask
from stillwatch.lab.sender import (
    NEVER,
    Sender,
    Settings,
    adoption,
    api_settings,
    person_client,
)
from stillwatch.lab.stage import OLD_MODELS
from stillwatch.lab.text import wording

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


COVER_LOG_SD = 0.4  # of the accounts' cover: it is not in proportion to the harvest


class Harvest(Group, frozen=True, kw_only=True):
    """A work queue drained through accounts whose common control is hidden.

    Attributes:
        accounts: over the whole window, replaced ones included.
        per_day: mean harvest requests a day of an account in use.
        volume_log_sd: how unequal the accounts' quotas are; 0 is a load balancer.
        hours: ``flat`` around the clock, or ``human`` with sittings.
        zone: hours east of UTC of ``human`` hours; None draws one for the operator.
        own_zones: each account keeps the hours of a zone of its own.
        busy: share of hours in which a flat queue has work; 1 never rests.
        jitter_hours: standard deviation of the delay added to a flat queue's requests.
        resampled: share of requests that send one of the account's own tasks again, word for word,
            to get another answer (as people who regenerate do).
        task: ``reasoning`` or ``grading`` (pairs of answers against a rubric).
        answers: ``long``, or ``short`` (a bare result, capped by max_tokens).
        wording: ``fixed`` (one template and system prompt for all), ``templates`` (each account
            several of its own), ``paraphrase`` (worded anew each time), ``bare`` (only the task).
        templates: of each account, for ``templates``.
        pool: how many templates the operator wrote, of which each account uses `templates`; 0 lets
            no two accounts share one.
        stacks: clients: ``one``, ``several``, or each account's ``own``.
        network: ``datacentre`` (few /24s), ``rented`` (single machines), ``proxies`` (homes).
        payment: ``shared``, ``several`` cards, or all ``distinct``.
        signup: a ``burst`` before the window, ``spread`` over months, or ``old`` like strangers.
        email: ``one`` domain, ``invented`` domains, or ``free`` mail.
        cover: share of all the accounts' requests that are honest ones on topics of their own.
        dressed: share of tasks that are wrapped into conversations.
        past_days: days of an honest owner's use before the operator takes the account over.
        past_per_day: mean requests a day of that owner.
        handover_days: over how many days the accounts are taken over.
        moves: share of the harvest that goes to the new model after its release; 0 leaves each
            account to adopt it like a customer if stacks are its own, else never.
        moves_within_hours: of the release.
        life_days: mean days until an account is banned and replaced at once; 0 for never.
        samples: answers asked for in one request (``n``), with log-probabilities if above 1.
        retries: whether a failed request is sent again by the ``same`` or an ``other`` account.
    """

    kind: ClassVar[str] = "harvest"
    guilt: ClassVar[Guilt] = "campaign"

    accounts: Count = 40
    per_day: Positive = 10.0
    volume_log_sd: NotNegative = 0.0
    hours: Literal["flat", "human"] = "flat"
    zone: float | None = None
    own_zones: bool = False
    busy: Share = 1.0
    jitter_hours: NotNegative = 0.0
    resampled: Share = 0.0
    task: Task = "reasoning"
    answers: Literal["long", "short"] = "long"
    wording: Wording = "fixed"
    templates: Count = 3
    pool: Natural = 0
    stacks: Stacks = "one"
    network: Networks = "datacentre"
    payment: Payment = "shared"
    signup: SignUp = "burst"
    email: Email = "one"
    cover: Share = 0.0
    dressed: Share = 0.0
    past_days: NotNegative = 0.0
    past_per_day: Positive = 4.0
    handover_days: NotNegative = 3.0
    moves: Share = 0.0
    moves_within_hours: Positive = 24.0
    life_days: NotNegative = 0.0
    samples: Count = 1
    retries: Literal["same", "other"] = "other"

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`.

        Raises:
            UsageError: the honest past and the hand-over leave no time for a harvest.
        """
        if self.past_days + self.handover_days >= stage.world.days and self.past_days:
            message = "past_days and handover_days together must be less than the scenario's days"
            raise UsageError(f"groups.{stage.group}: {message}")
        members = self._members(stage)
        yield from self._harvest(stage, Rota(members))
        for member in members:
            if self.cover and member.count:
                yield from self._cover(stage, member)
            if self.past_days:
                yield from self._past(stage, member)

    def _members(self, stage: Stage) -> list[Member]:
        fleet = Fleet(self, stage)
        shared = stage.dice.child("script").py
        script = self.script(shared)
        system = wording.harvest_system(shared, brief=self.answers == "short")
        common = self._settings(stage, shared, system if self.wording == "fixed" else None)
        members = []
        for number, (begin, slot) in enumerate(lives(self, stage)):
            dice = stage.dice.child("member", number)
            own = self.stacks == "own" or self.wording != "fixed"
            settings = self._settings(stage, dice.py, None) if own else common
            account = fleet.account(number, begin)
            member = Member(
                number=number,
                slot=slot,
                begin=begin,
                account=account,
                sender=Sender(stage, account, fleet.client(number), settings, dice),
                voice=script.of_account(dice.py),
                dressing=Dressing(stage.world.corpus, dice.child("dressing")),
            )
            members.append(member)
        return members

    def script(self, rnd: random.Random) -> Script:
        """How the operator's program words tasks."""
        return Script(
            wording=self.wording,
            task=self.task,
            brief=self.answers == "short",
            templates=1 if self.wording == "fixed" else self.templates,
            rnd=rnd,
            pool=1 if self.wording == "fixed" else self.pool,
        )

    @property
    def plain(self) -> bool:
        """Whether the operator strips templates that tasks already carry."""
        return self.wording != "fixed"

    def _settings(self, stage: Stage, rnd: random.Random, system: str | None) -> Settings:
        world = stage.world
        short = self.answers == "short"
        moves_at = NEVER
        if self.moves:
            moves_at = world.release + HOUR * rnd.uniform(0.2, self.moves_within_hours)
        elif self.stacks == "own":
            moves_at = adoption(rnd, world)
        return api_settings(
            rnd,
            world,
            answer=rnd.uniform(15, 60) if short else rnd.uniform(600, 1300),
            max_tokens=rnd.choice((64, 128, 256) if short else (None, 2048, 4096, 8192)),
            reasoning=0.0 if short else rnd.choice((0.0, 0.5, 1.0)),
            system=system,
            model=OLD_MODELS[0],
            moves_at=moves_at,
            moves=self.moves or 0.8,
            n=self.samples if self.samples > 1 else None,
            logprobs=True if self.samples > 1 else None,
        )

    def _harvest(self, stage: Stage, rota: Rota) -> Iterator[Sent]:
        corpus, rnd = stage.world.corpus, stage.dice.child("dispatch").py
        times, who = dispatch(self, stage, rota.begins)
        tasks = iter(corpus.queue(stage.dice.child("tasks"), len(times), plain=self.plain))
        for at, slot in zip(times.tolist(), who.tolist(), strict=True):
            member = rota.on_duty(slot, at)
            if member.said and rnd.random() < self.resampled:
                prompt = rnd.choice(member.said)
            else:
                prompt = member.voice.say(rnd, corpus, next(tasks))
                member.said.append(prompt)
            dressed = rnd.random() < self.dressed
            asks = member.dressing.wrap(at, prompt) if dressed else [Ask(at, prompt)]
            other = rota.anyone(rnd, at).sender if self.retries == "other" else None
            for ask in asks:
                member.count += 1
                yield from member.sender.send(ask, campaign=stage.campaign, other=other)

    def _cover(self, stage: Stage, member: Member) -> Iterator[Sent]:
        dice = stage.dice.child("cover", member.number)
        mean = member.count * self.cover / (1 - min(self.cover, 0.99))
        count = int(volumes(dice, 1, mean, COVER_LOG_SD)[0])
        person = persona(dice, stage.world.corpus, console=False)
        times = human(
            dice, stage.habit("cover", member.number), count, member.begin, stage.world.end
        )
        for ask in person.asks(dice.child("asks"), times.tolist()):
            yield from member.sender.send(ask)

    def _past(self, stage: Stage, member: Member) -> Iterator[Sent]:
        dice = stage.dice.child("past", member.number)
        rnd = dice.py
        count = int(volumes(dice, 1, self.past_per_day * self.past_days, 0.9)[0])
        settings = api_settings(rnd, stage.world)
        client = person_client(rnd, console=False)
        owner = Sender(stage, member.account, client, settings, dice.child("owner"))
        person = persona(dice, stage.world.corpus, console=False)
        sold = max(HOUR, member.begin - DAY * rnd.random())
        times = human(dice, stage.habit("past", member.number), count, 0.0, sold)
        for ask in person.asks(dice.child("asks"), times.tolist()):
            yield from owner.send(ask)
