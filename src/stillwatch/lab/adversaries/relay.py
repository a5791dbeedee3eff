"""A harvest that is one customer among others of a resale relay."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stillwatch.lab.adversaries.campaign import Harvest
from stillwatch.lab.adversaries.clock import dispatch
from stillwatch.lab.adversaries.work import Wording  # noqa: TC001 (read at run time)
from stillwatch.lab.group import Count, NotNegative, Positive  # noqa: TC001 (read at run time)
from stillwatch.lab.honest.resale import Relay, paying_users
from stillwatch.lab.rows import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.rows import Sent
    from stillwatch.lab.stage import Stage


class RelayHarvest(Harvest, frozen=True, kw_only=True):
    """An operator's queue goes out through the same accounts as paying users' conversations.

    Of the harvest's knobs those of hours, quotas, jitter, repeats and wording apply; accounts,
    payment and clients are the relay's.

    Attributes:
        users: paying users beside the operator.
        user_per_day: mean requests of a user a day.
    """

    kind: ClassVar[str] = "relay_harvest"

    accounts: Count = 30
    per_day: Positive = 8.0
    volume_log_sd: NotNegative = 0.3
    wording: Wording = "templates"
    templates: Count = 5
    users: Count = 50
    user_per_day: Positive = 7.0

    def play(self, stage: Stage) -> Iterator[Sent]:
        """See `Group`."""
        relay = Relay(stage, self.accounts, stage.dice.child("relay"))
        yield from paying_users(stage, relay, self.users, self.user_per_day, 1.0)
        rnd, corpus = stage.dice.child("operator").py, stage.world.corpus
        voice = self.script(rnd).of_account(rnd)
        times, who = dispatch(self, stage, [0.0] * self.accounts)
        tasks = iter(corpus.queue(stage.dice.child("tasks"), len(times), plain=self.plain))
        said: list[str] = []
        for at, number in zip(times.tolist(), who.tolist(), strict=True):
            if not said or rnd.random() >= self.resampled:
                said.append(voice.say(rnd, corpus, next(tasks)))
                ask = Ask(at, said[-1], system="")
            else:
                ask = Ask(at, rnd.choice(said), system="")
            other = rnd.choice(relay.senders) if self.retries == "other" else None
            yield from relay.senders[number].send(ask, campaign=stage.campaign, other=other)
