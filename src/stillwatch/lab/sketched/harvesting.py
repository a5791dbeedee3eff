"""A harvest's accounts as acts: what `adversaries.campaign` does, account by account."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.lab.adversaries.campaign import COVER_LOG_SD, Harvest
from stillwatch.lab.adversaries.fleet import Fleet
from stillwatch.lab.adversaries.relay import RelayHarvest
from stillwatch.lab.adversaries.rota import lives
from stillwatch.lab.rhythm import DAY, HOUR, volumes
from stillwatch.lab.sketched.acts import (
    BARE,
    ITEMS,
    NO_RETRY,
    ONE_PAIR,
    PARAPHRASE,
    SAME_ACCOUNT,
    TEMPLATE,
    Act,
)
from stillwatch.lab.sketched.casting import Cast, Played, rhythm
from stillwatch.lab.sketched.moments import FLAT, QUEUE
from stillwatch.lab.sketched.performing import BENCHMARK_SIZE, RETRIES
from stillwatch.lab.stage import ZONES
from stillwatch.lab.text import wording
from stillwatch.lab.text.corpus import BENCHMARKS, PUBLIC_SHARE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.group import Group
    from stillwatch.lab.sender import Settings

WORDINGS = {"fixed": TEMPLATE, "templates": TEMPLATE, "paraphrase": PARAPHRASE, "bare": BARE}


def plays(group: Group) -> bool:
    """Whether `Fleets` can play a group."""
    return (
        isinstance(group, Harvest)
        and not isinstance(group, RelayHarvest)
        and not group.dressed
        and not group.past_days
    )


class Fleets(Cast):
    """The accounts of a `Harvest`."""

    @cached_property
    def fleet(self) -> Fleet:
        """Opens and connects the accounts."""
        return Fleet(self.group, self.stage)

    @cached_property
    def spans(self) -> NDArray[np.float64]:
        """float64[accounts, 2]: from when to when each account is in use."""
        born = lives(self.group, self.stage)
        ends: dict[int, float] = {}
        spans = np.zeros((len(born), 2))
        for number in sorted(range(len(born)), key=lambda n: (-born[n][0], n)):
            begin, slot = born[number]
            begin = max(0.0, begin)
            spans[number] = begin, ends.get(slot, self.stage.world.end)
            ends[slot] = begin
        return spans

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """See `Cast`: quotas, in proportion to the time that an account is in use."""
        knobs, spans = self.group, self.spans
        mean = knobs.per_day * 1000  # a day's quota in thousandths, so that rounding is not coarse
        quota = volumes(self.stage.dice.child("quota"), self.size, mean, knobs.volume_log_sd)
        days = (spans[:, 1] - spans[:, 0]) / DAY
        return np.maximum(1, np.rint(quota / 1000 * days)).astype(np.int64)

    @cached_property
    def shared(self) -> dict[str, Any]:
        """The operator's script, system prompt and settings."""
        knobs, stage = self.group, self.stage
        rnd = stage.dice.child("script").py
        script = knobs.script(rnd)
        system = wording.harvest_system(rnd, brief=knobs.answers == "short")
        settings = knobs._settings(stage, rnd, system if knobs.wording == "fixed" else None)
        zone = stage.dice.child("zone").py.choice(ZONES) if knobs.zone is None else knobs.zone
        hours = np.arange(0, stage.world.end, HOUR)
        working = hours[stage.dice.child("busy").np.uniform(size=len(hours)) < knobs.busy]
        return {
            "script": script,
            "settings": settings,
            "zone": None if knobs.own_zones else zone,
            "hours": working if knobs.busy < 1 and len(working) else None,
        }

    @cached_property
    def public(self) -> float:
        """Share of the queue that comes from public benchmarks."""
        asked = float(self.counts.sum())
        return min(PUBLIC_SHARE, BENCHMARK_SIZE * len(BENCHMARKS) / asked)

    def member(self, number: int, rank: int) -> Played:
        """See `Cast`."""
        begin, end = self.spans[number].tolist()
        role = self.fleet.open(number, begin)
        acts = [self._harvest(number, rank, begin, end)]
        if self.group.cover:
            mean = int(self.counts[number]) * self.group.cover / (1 - min(self.group.cover, 0.99))
            own = self.stage.dice.child("cover", number)
            count = int(volumes(own, 1, mean, COVER_LOG_SD)[0])
            acts.append(
                self.talk(
                    own, rank, count, self.stage.habit("cover", number), console=False,
                    begin=begin, settings=acts[0].settings, client=acts[0].client,
                )
            )  # fmt: skip
        return role, acts

    def _harvest(self, number: int, rank: int, begin: float, end: float) -> Act:
        knobs, dice = self.group, self.stage.dice.child("member", number)
        settings: Settings = self.shared["settings"]
        if knobs.stacks == "own" or knobs.wording != "fixed":
            settings = knobs._settings(self.stage, dice.py, None)
        voice = self.shared["script"].of_account(dice.py)
        fields: dict[str, Any] = {"pace": QUEUE, "jitter": knobs.jitter_hours}
        hours = self.shared["hours"]
        if knobs.hours == "human":
            fields = rhythm(self.stage.habit(number, zone=self.shared["zone"]))
        elif hours is not None:
            fields["hours"] = hours[(hours >= begin) & (hours < end - HOUR)]
        templates = tuple(voice.wrappers)
        if voice.task == "grading":
            answers = "\n\nAnswer A: ", "\n\nAnswer B: "
            templates = tuple((head, *answers, f"\n\n{tail}") for head, _, tail in voice.rubrics)
        return self.act(
            dice, rank, int(self.counts[number]), begin=begin, end=end, mode=ITEMS,
            wording=WORDINGS[knobs.wording], templates=templates,
            grading=voice.task == "grading", brief=voice.brief, repeated=knobs.resampled,
            public=self.public, settings=settings, client=self.fleet.client(number),
            failures=self.stage.world.failures,
            retries=SAME_ACCOUNT if knobs.retries == "same" else NO_RETRY, **fields,
        )  # fmt: skip

    def retried(self, ranks: NDArray[np.int64]) -> list[Act]:
        """Requests that fail on one account and are sent again by another: an act of one each.

        Args:
            ranks: what stands for each account in the acts.
        """
        if self.group.retries != "other" or self.size < 2:
            return []
        world, rng = self.stage.world, self.stage.dice.child("retries").np
        expected = self.counts.sum() * world.failures * 1.5 * RETRIES
        acts = []
        for pair in range(rng.poisson(expected)):
            number, other = rng.choice(self.size, 2, replace=False).tolist()
            begin, end = self.spans[number].tolist()
            act = self._harvest(number, int(ranks[number]), begin, end)
            act.seed = int(self.stage.dice.child("retry", pair).token("act"), 16)
            act.count, act.pace, act.retries, act.other = 1, FLAT, ONE_PAIR, int(ranks[other])
            act.repeated = 0.0
            acts.append(act)
        return acts
