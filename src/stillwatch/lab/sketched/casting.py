"""Which acts the members of a group play: the lab's own groups, members, settings and clients.

A cast draws an account when it is asked for, by its number alone, so that accounts can be taken in
any order and none has to be kept.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from stillwatch.errors import UsageError
from stillwatch.lab import network
from stillwatch.lab.honest.batch import Batch, BenchmarkLabs
from stillwatch.lab.honest.companies import Agency, ShardedCompany
from stillwatch.lab.honest.crowd import Crowd, _client, _settings
from stillwatch.lab.honest.individuals import Individuals
from stillwatch.lab.honest.platforms import Platform
from stillwatch.lab.honest.resale import CARDS_OF, ResalePool
from stillwatch.lab.persona import persona
from stillwatch.lab.rhythm import DAY, HOUR, volumes
from stillwatch.lab.sender import api_settings, chat_settings, person_client, server_client
from stillwatch.lab.sketched.acts import BENCHMARK, PERSON, RECORDS, TEMPLATE, Act
from stillwatch.lab.sketched.moments import FLAT, GIVEN, HUMAN
from stillwatch.lab.stage import NEW_MODEL, OLD_MODELS, company
from stillwatch.lab.text import wording
from stillwatch.lab.text.corpus import BENCHMARKS
from stillwatch.lab.text.grammar import LANGUAGES, N_TOPICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stillwatch.lab.group import Group
    from stillwatch.lab.rhythm import Habit
    from stillwatch.lab.rng import Dice
    from stillwatch.lab.stage import Role, Stage
    from stillwatch.lab.text.grammar import Interest

STRIDES = (1, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43)
"""Without a divisor in common with the size of a benchmark: a walk meets every question once."""

Played = tuple["Role", list[Act]]


class Cast:
    """The members of one copy of a group.

    Args:
        stage: where they act; accounts are opened in it by number.
        group: the group with its knobs.
        worlds: how many times the grammar's topics there are; people's subjects grow with them.
    """

    mixes = False
    """Whether requests move between accounts, so that the copy is played as a whole."""

    def __init__(self, stage: Stage, group: Group, worlds: int) -> None:
        self.stage, self.worlds = stage, worlds
        self.group: Any = group

    @property
    def size(self) -> int:
        """Accounts."""
        return int(self.group.accounts)

    def member(self, number: int, rank: int) -> Played:
        """Account `number` and what is done through it; `rank` stands for it in the acts."""
        raise NotImplementedError

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Requests of each member."""
        mean = max(1.0, self.group.per_day * self.stage.world.days)
        return volumes(self.stage.dice, self.size, mean, self.group.log_sd)

    def topics(self, interest: Interest) -> tuple[int, ...]:
        """An interest's topics, each in one of the worlds; the same interest, the same topics."""
        seed = hash(interest.topics)
        return tuple(
            topic + N_TOPICS * (((seed + 7919 * place) ^ (topic * 104_729)) % self.worlds)
            for place, topic in enumerate(interest.topics)
        )

    def act(self, dice: Dice, rank: int, count: int, **fields: Any) -> Act:
        """An act with a seed of its own and the window's bounds, unless given."""
        world = self.stage.world
        given: dict[str, Any] = {"begin": 0.0, "end": world.end, "failures": world.failures}
        return Act(account=rank, seed=int(dice.token("act"), 16), count=count, **(given | fields))

    def talk(
        self, dice: Dice, rank: int, count: int, habit: Habit, *, console: bool,
        interest: Interest | None = None, together: bool = False, **fields: Any,
    ) -> Act:  # fmt: skip
        """An act of a person, drawn like `lab.persona` draws people."""
        person = persona(dice, self.stage.world.corpus, console=console, interest=interest)
        return self.act(
            dice, rank, count, mode=PERSON,
            **rhythm(habit), **self.subject(person.interest, together=together),
            talk=person.talk, again=person.again, saved=person.saved, careful=person.careful,
            conversing=person.names_conversations, **fields,
        )  # fmt: skip

    def subject(self, interest: Interest, *, together: bool = False) -> dict[str, Any]:
        """What a person writes about, as fields of an act."""
        return {
            "language": LANGUAGES.index(interest.language),
            "names": len(interest.names),
            "shared": 1 + hash(interest.topics) % (1 << 62) if together else 0,
            "wordiness": interest.wordiness,
            "topics": self.topics(interest),
            "weights": interest.weights,
        }


def rhythm(habit: Habit) -> dict[str, Any]:
    """A person's hours, as fields of an act."""
    return {
        "pace": HUMAN, "density": habit.density, "weekend": habit.weekend,
        "session": habit.session, "pause": habit.pause,
    }  # fmt: skip


class Strangers(Cast):
    """See `Individuals`."""

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        world, knobs, count = self.stage.world, self.group, int(self.counts[number])
        dice = self.stage.dice.child("person", number)
        rnd = dice.py
        if rnd.random() < knobs.rare:
            count = rnd.randint(1, 3)
        console = rnd.random() < knobs.console
        topics = rnd.randint(30, 80) if rnd.random() < knobs.generalists else None
        interest = world.corpus.interest(rnd, topics=topics)
        settings = (chat_settings if console else api_settings)(rnd, world)
        if not console and rnd.random() < knobs.systems:
            system = world.corpus.reply(rnd, interest)
            settings = api_settings(rnd, world, system=f"You help with this: {system}")
        client = person_client(rnd, console=console)
        act = self.talk(
            dice, rank, count, self.stage.habit(number), console=console, interest=interest,
            settings=settings, client=client,
        )  # fmt: skip
        return self.stage.open(number), [act]


class Crowds(Cast):
    """See `Crowd` and its subclasses."""

    @cached_property
    def common(self) -> Any:
        """What the members of this copy share."""
        return self.group.common(self.stage)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """See `Cast`; a crowd may be active for a part of the window."""
        world, common = self.stage.world, self.common
        end = world.end if common.end is None else min(common.end, world.end)
        mean = max(1.0, self.group.per_day * (end - common.begin) / DAY)
        return volumes(self.stage.dice, self.size, mean, self.group.log_sd)

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        world, common = self.stage.world, self.common
        end = world.end if common.end is None else min(common.end, world.end)
        dice = self.stage.dice.child("person", number)
        rnd = dice.py
        console = rnd.random() < self.group.console
        interest = rnd.choice(common.interests) if common.interests else None
        opened = rnd.uniform(*common.opened) if common.opened else None
        client = _client(rnd, common, console=console)
        settings = _settings(rnd, self.stage, common, console=console)
        first, last = common.phrased_days or (0.0, float("inf"))
        act = self.talk(
            dice, rank, int(self.counts[number]), self.stage.habit(number, zone=common.zone),
            console=console, interest=interest, together=interest is not None,
            settings=settings, client=client, begin=common.begin, end=end,
            phrases=common.phrases, phrased=common.phrased, phrased_from=first, phrased_to=last,
        )  # fmt: skip
        if common.flat:
            act.pace = FLAT
        return self.stage.open(number, opened, **common.account), [act]


class Batches(Cast):
    """See `Batch`."""

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        world, knobs = self.stage.world, self.group
        dice = self.stage.dice.child("company", number)
        rnd = dice.py
        _, domain = company(rnd)
        count = int(self.counts[number])
        settings = knobs._settings(self.stage, rnd)
        client = server_client(rnd)
        times = None
        if rnd.random() >= knobs.flat:
            times = world.shapes.customer(dice, count, 0.0, world.end)
        records = dice.child("records").py
        interest = world.corpus.interest(records, topics=knobs.topics)
        template = wording.labelling(records)
        if knobs.answers == "long":
            said = wording.elicitation(records)
            template = (f"Write a catalogue text about this. {said}\n\n", "")
        act = self.act(
            dice, rank, count, pace=FLAT if times is None else GIVEN, times=times, mode=RECORDS,
            templates=(template,), repeated=knobs.repeated, settings=settings, client=client,
            **self.subject(interest) | {"names": 0},
        )  # fmt: skip
        return self.stage.open(number, email_domain=domain, verification_level="business"), [act]


class Labs(Cast):
    """See `BenchmarkLabs`."""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """See `Cast`: what the staff asks besides."""
        mean = self.group.per_day * self.stage.world.days
        return volumes(self.stage.dice, self.size, mean, 0.9)

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        world, knobs = self.stage.world, self.group
        dice = self.stage.dice.child("lab", number)
        rnd = dice.py
        _, domain = company(rnd)
        client = server_client(rnd)
        runs = api_settings(
            rnd, world, model=NEW_MODEL, max_tokens=4096, answer=700.0, temperature=0.0
        )
        public = wording.wrapper(self.stage.dice.child("harness").py)
        wrap = public if rnd.random() < knobs.harness else wording.wrapper(rnd)
        staff = api_settings(rnd, world, model=rnd.choice(OLD_MODELS))
        habit = self.stage.habit(number)
        acts = [
            self.talk(
                dice.child("staff"), rank, int(self.counts[number]), habit, console=False,
                settings=staff, client=client,
            )
        ]  # fmt: skip
        begin = world.release + HOUR * rnd.expovariate(1 / 9)
        end = min(world.end, begin + DAY * rnd.uniform(0.1, 1.2))
        if begin < end:
            run = dice.child("run")
            asked = 1200 if run.py.random() < knobs.whole else int(1200 * run.py.uniform(0.3, 0.8))
            acts.append(
                self.act(
                    run, rank, asked, begin=begin, end=end, pace=FLAT, mode=BENCHMARK,
                    wording=TEMPLATE, templates=(wrap,), settings=runs, client=client,
                    benchmark=run.py.randrange(len(BENCHMARKS)), walk=run.py.randrange(1200),
                    stride=run.py.choice(STRIDES),
                )
            )  # fmt: skip
        return self.stage.open(number, email_domain=domain), acts


class Products(Cast):
    """See `Platform`."""

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        world, knobs = self.stage.world, self.group
        dice = self.stage.dice.child("product", number)
        rnd = dice.py
        name, domain = company(rnd)
        system = wording.product_system(rnd, name, careful=rnd.random() < knobs.careful)
        settings = api_settings(rnd, world, system=system)
        client = server_client(rnd)
        named = rnd.random() < knobs.named
        counts = volumes(dice, knobs.users, knobs.per_day * world.days, knobs.log_sd)
        acts = []
        for user, count in enumerate(counts.tolist()):
            own = dice.child("user", user)
            acts.append(
                self.talk(
                    own, rank, count, self.stage.habit(number, user),
                    console=own.py.random() < 0.5, settings=settings, client=client,
                    end_user=f"user_{own.token('user')}" if named else None,
                )
            )  # fmt: skip
        role = self.stage.open(number, email_domain=domain, verification_level="business")
        return role, acts


class Agencies(Cast):
    """See `Agency`."""

    @cached_property
    def office(self) -> tuple[str, str, network.Client, float]:
        """Domain, payer, client and time zone of the agency."""
        dice = self.stage.dice.child("office")
        rnd = dice.py
        _, domain = company(rnd)
        place = network.cloud_network(rnd)
        addresses = tuple(network.ipv4(*place, rnd) for _ in range(2))
        client = network.Client(addresses=addresses, stack=network.library(rnd), away=0.3)
        return domain, f"pm_{dice.token('payer')}", client, rnd.choice((-5.0, 1.0, 5.5))

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        domain, payer, client, zone = self.office
        own = self.stage.dice.child("client", number)
        name, _ = company(own.py)
        system = wording.product_system(own.py, name)
        act = self.talk(
            own, rank, int(self.counts[number]), self.stage.habit(number, zone=zone),
            console=False, settings=api_settings(own.py, self.stage.world, system=system),
            client=client,
        )  # fmt: skip
        role = self.stage.open(number, email_domain=domain, payment_fingerprint=payer)
        return role, [act]


class Shards(Cast):
    """See `ShardedCompany`."""

    @cached_property
    def job(self) -> dict[str, Any]:
        """What the accounts of the company share."""
        dice, knobs = self.stage.dice.child("company"), self.group
        rnd = dice.py
        name, domain = company(rnd)
        system = wording.product_system(rnd, name, careful=True)
        interest = self.stage.world.corpus.interest(rnd, topics=knobs.topics)
        long = knobs.answers == "long"
        size: dict[str, object] = (
            {"answer": 900.0, "max_tokens": 4096} if long else {"answer": 12.0, "max_tokens": 64}
        )
        return {
            "domain": domain,
            "payer": f"pm_{dice.token('payer')}",
            "place": network.cloud_network(rnd),
            "stack": network.library(rnd),
            "settings": api_settings(rnd, self.stage.world, system=system, **size),
            "interest": interest,
            "head": f"Report for the {name} archive on the following entry.\n\n",
        }

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        job, dice = self.job, self.stage.dice.child("machine", number)
        prefix, third = job["place"]
        address = network.ipv4(prefix, third, dice.py)
        act = self.act(
            dice, rank, int(self.counts[number]), pace=FLAT, mode=RECORDS,
            templates=((job["head"],),), repeated=self.group.repeated, settings=job["settings"],
            client=network.Client(addresses=(address,), stack=job["stack"]),
            **self.subject(job["interest"]) | {"names": 0},
        )  # fmt: skip
        card = job["payer"] if self.group.cards == "one" else f"pm_{dice.token('card')}"
        role = self.stage.open(
            number, email_domain=job["domain"], payment_fingerprint=card, plan="payg"
        )
        return role, [act]


class Pools(Cast):
    """See `ResalePool`: its users' conversations move between its accounts."""

    mixes = True

    @cached_property
    def relay(self) -> tuple[tuple[tuple[int, int], int], network.Stack]:
        """The relay's network and client."""
        rnd = self.stage.dice.child("relay").py
        return network.cloud_network(rnd), network.library(rnd)

    def member(self, number: int, rank: int) -> Played:  # noqa: ARG002 - no acts
        """See `Cast`; the requests come from `users`."""
        card = self.stage.dice.child("relay").token("card", number // CARDS_OF)
        return self.stage.open(number, payment_fingerprint=f"pm_{card}"), []

    def users(self, rank: int) -> list[Act]:
        """What the pool's paying users ask; `rank` stands for the pool's first account."""
        world, knobs, (place, stack) = self.stage.world, self.group, self.relay
        mean = knobs.per_day * world.days
        counts = volumes(self.stage.dice.child("users"), knobs.users, mean, knobs.log_sd)
        acts = []
        for number, count in enumerate(counts.tolist()):
            dice = self.stage.dice.child("user", number)
            rnd = dice.py
            console = rnd.random() < 0.6
            interest = world.corpus.interest(rnd)
            system = world.corpus.reply(rnd, interest) if rnd.random() < 0.7 else None
            client = network.Client(addresses=(network.ipv4(*place, rnd),), stack=stack)
            acts.append(
                self.talk(
                    dice, rank, count, self.stage.habit("user", number), console=console,
                    interest=interest, client=client,
                    settings=api_settings(rnd, world, max_tokens=8192, system=system),
                )
            )  # fmt: skip
        return acts


_CASTS: tuple[tuple[type[Group], type[Cast]], ...] = (
    (Individuals, Strangers),
    (Crowd, Crowds),
    (Batch, Batches),
    (BenchmarkLabs, Labs),
    (Platform, Products),
    (Agency, Agencies),
    (ShardedCompany, Shards),
    (ResalePool, Pools),
)


def cast_of(stage: Stage, group: Group, worlds: int) -> Cast:
    """The cast of a copy of a group.

    Raises:
        UsageError: groups of this kind can only be simulated as text.
    """
    from stillwatch.lab.sketched.harvesting import Fleets, plays  # noqa: PLC0415 - it needs `Cast`

    if plays(group):
        return Fleets(stage, group, worlds)
    for kind, cast in _CASTS:
        if isinstance(group, kind):
            return cast(stage, group, worlds)
    raise UsageError(
        f"groups.{stage.group}: groups of kind {group.kind} cannot be simulated as sketches"
    )
