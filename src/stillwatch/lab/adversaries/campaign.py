"""One operator's harvest over many accounts, with every habit a knob."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from stillwatch.lab.adversaries.clock import dispatch
from stillwatch.lab.adversaries.fleet import Email, Fleet, Networks, Payment, SignUp, Stacks
from stillwatch.lab.adversaries.work import Dressing, Task, Voice, Wording, voice, work_queue
from stillwatch.lab.group import Count, Group, Guilt, NotNegative, Positive, Share
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

    from stillwatch.lab.rows import Account, Sent
    from stillwatch.lab.stage import Stage


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
        resampled: share of requests that repeat an earlier task of the queue.
        task: ``reasoning`` or ``grading`` (pairs of answers against a rubric).
        answers: ``long``, or ``short`` (a bare result, capped by max_tokens).
        wording: ``fixed`` (one template and system prompt for all), ``templates`` (each account
            several of its own), ``paraphrase`` (worded anew each time), ``bare`` (only the task).
        templates: of each account, for ``templates``.
        stacks: clients: ``one``, ``several``, or each account's ``own``.
        network: ``datacentre`` (few /24s), ``rented`` (single machines), ``proxies`` (homes).
        payment: ``shared``, ``several`` cards, or all ``distinct``.
        signup: a ``burst`` before the window, ``spread`` over months, or ``old`` like strangers.
        email: ``one`` domain, ``invented`` domains, or ``free`` mail.
        cover: share of all the accounts' requests that are honest ones on topics of their own.
        dressed: share of tasks that are wrapped into conversations.
        past_days: days of an honest owner's use before the operator takes the account over.
        past_per_day: mean requests a day of that owner.
        moves: share of the harvest that goes to the new model after its release; 0 leaves each
            account to adopt it like a customer if stacks are its own, else never.
        moves_within_hours: of the release.
        life_days: mean days until an account is banned and replaced at once; 0 for never.
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
    stacks: Stacks = "one"
    network: Networks = "datacentre"
    payment: Payment = "shared"
    signup: SignUp = "burst"
    email: Email = "one"
    cover: Share = 0.0
    dressed: Share = 0.0
    past_days: NotNegative = 0.0
    past_per_day: Positive = 4.0
    moves: Share = 0.0
    moves_within_hours: Positive = 24.0
    life_days: NotNegative = 0.0
    retries: Literal["same", "other"] = "other"

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        members = self._members(stage)
        yield from self._harvest(stage, members)
        for member in members:
            if self.cover and member.count:
                yield from self._cover(stage, member)
            if self.past_days:
                yield from self._past(stage, member)

    def _members(self, stage: Stage) -> list[Member]:
        begins, slots = self._lives(stage)
        fleet = Fleet(self, stage)
        shared = stage.dice.child("script").py
        script = self._voice_of(shared)
        system = wording.harvest_system(shared, brief=self.answers == "short")
        common = self._settings(stage, shared, system if self.wording == "fixed" else None)
        members = []
        for number, (begin, slot) in enumerate(zip(begins, slots, strict=True)):
            dice = stage.dice.child("member", number)
            own = self.stacks == "own" or self.wording != "fixed"
            settings = self._settings(stage, dice.py, None) if own else common
            account = fleet.account(number, begin)
            members.append(
                Member(
                    number=number,
                    slot=slot,
                    begin=begin,
                    account=account,
                    sender=Sender(stage, account, fleet.client(number), settings, dice),
                    voice=script if self.wording == "fixed" else self._voice_of(dice.py),
                    dressing=Dressing(stage.world.corpus, dice.child("dressing")),
                )
            )
        return members

    def _voice_of(self, rnd: random.Random) -> Voice:
        brief = self.answers == "short"
        return voice(rnd, self.wording, self.task, brief=brief, templates=self.templates)

    def _lives(self, stage: Stage) -> tuple[list[float], list[int]]:
        """When each account's part of the harvest begins, and which slot of the fleet it fills."""
        rnd = stage.dice.child("lives").py
        if not self.life_days:
            taken = [self.past_days * DAY + rnd.uniform(0, DAY / 2) for _ in range(self.accounts)]
            begin = taken if self.past_days else [0.0] * self.accounts
            return begin, list(range(self.accounts))
        slots = max(1, round(self.accounts * min(1.0, self.life_days / stage.world.days)))
        turns = -(-self.accounts // slots)
        begins = []
        for number in range(self.accounts):
            turn = number // slots
            share = (turn + (rnd.uniform(-0.3, 0.3) if turn else 0.0)) / turns
            begins.append(share * stage.world.end)
        return begins, [number % slots for number in range(self.accounts)]

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
            max_tokens=rnd.choice((64, 128, 256)) if short else rnd.choice((2048, 4096, 8192)),
            reasoning=0.0 if short else rnd.choice((0.0, 0.5, 1.0)),
            system=system,
            model=OLD_MODELS[0],
            moves_at=moves_at,
            moves=self.moves or 0.8,
        )

    def _harvest(self, stage: Stage, members: list[Member]) -> Iterator[Sent]:
        corpus, rnd = stage.world.corpus, stage.dice.child("dispatch").py
        slots = max(member.slot for member in members) + 1
        rota = [[m for m in members if m.slot == slot] for slot in range(slots)]
        times, who = dispatch(self, stage, slots)
        plain = self.wording in ("paraphrase", "bare")
        tasks = work_queue(
            stage.dice.child("work"), corpus, len(times), resampled=self.resampled, plain=plain
        )
        for at, slot, task in zip(times.tolist(), who.tolist(), tasks, strict=True):
            member = [m for m in rota[slot] if m.begin <= at or m is rota[slot][0]][-1]
            start = max(at, member.begin)
            prompt = member.voice.say(rnd, corpus, task)
            if rnd.random() < self.dressed:
                asks = member.dressing.wrap(start, prompt)
            else:
                asks = iter((Ask(start, prompt),))
            other = (
                rnd.choice(rota)[0].sender
                if self.retries == "other" and not self.life_days
                else None
            )
            for ask in asks:
                member.count += 1
                yield from member.sender.send(ask, campaign=stage.campaign, other=other)

    def _cover(self, stage: Stage, member: Member) -> Iterator[Sent]:
        dice = stage.dice.child("cover", member.number)
        count = round(member.count * self.cover / (1 - min(self.cover, 0.99)))
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
        times = human(dice, stage.habit("past", member.number), count, 0.0, member.begin)
        for ask in person.asks(dice.child("asks"), times.tolist()):
            yield from owner.send(ask)


@dataclass(slots=True, kw_only=True)
class Member:
    """One account of a harvest.

    Attributes:
        number, slot: its number in the fleet, and the place in the rota that it fills.
        begin: its first possible harvest request, seconds from the start.
        account, sender, voice, dressing: what it acts with.
        count: harvest requests so far.
    """

    number: int
    slot: int
    begin: float
    account: Account
    sender: Sender
    voice: Voice
    dressing: Dressing
    count: int = 0
