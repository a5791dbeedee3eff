"""Which account of a harvest is on duty: fleets with bans, replacements and purchases."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stillwatch.lab.rhythm import DAY

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from stillwatch.lab.adversaries.campaign import Harvest
    from stillwatch.lab.adversaries.work import Dressing, Voice
    from stillwatch.lab.rows import Account
    from stillwatch.lab.sender import Sender
    from stillwatch.lab.stage import Stage


@dataclass(slots=True, kw_only=True)
class Member:
    """One account of a harvest.

    Attributes:
        number, slot: its number in the fleet, and the place in the rota that it fills.
        begin: its first possible harvest request, seconds from the start.
        account, sender, voice, dressing: what it acts with.
        count: harvest requests so far.
        said: its prompts so far.
    """

    number: int
    slot: int
    begin: float
    account: Account
    sender: Sender
    voice: Voice
    dressing: Dressing
    count: int = 0
    said: list[str] = field(default_factory=list)


def lives(knobs: Harvest, stage: Stage) -> list[tuple[float, int]]:
    """When each account's part of the harvest begins, and which slot of the fleet it fills.

    Without bans every account has a slot to itself. With bans, accounts follow one another in
    fewer slots, each lasting `life_days` on average.
    """
    rnd = stage.dice.child("lives").py
    if not knobs.life_days:
        first = knobs.past_days * DAY
        late = knobs.handover_days * DAY if knobs.past_days else 0.0
        return [(first + rnd.uniform(0, late), number) for number in range(knobs.accounts)]
    slots = max(1, round(knobs.accounts * min(1.0, knobs.life_days / stage.world.days)))
    turns = -(-knobs.accounts // slots)
    begins = []
    for number in range(knobs.accounts):
        turn = number // slots
        early = rnd.uniform(-0.3, 0.3) if turn else 0.0
        begins.append(((turn + early) / turns * stage.world.end, number % slots))
    return begins


class Rota:
    """Finds the account that fills a slot at a time.

    Args:
        members: of one harvest.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        slots: dict[int, list[Member]] = defaultdict(list)
        for member in members:
            slots[member.slot].append(member)
        self._slots = [sorted(slots[n], key=lambda one: one.begin) for n in sorted(slots)]
        self.begins = [slot[0].begin for slot in self._slots]

    def on_duty(self, slot: int, at: float) -> Member:
        """The account in a slot at a time (its first one, before that one has begun)."""
        line = self._slots[slot]
        return line[max(0, bisect_right(line, at, key=lambda one: one.begin) - 1)]

    def anyone(self, rnd: random.Random, at: float) -> Member:
        """An account that is on duty at a time."""
        return self.on_duty(rnd.randrange(len(self._slots)), at)
