"""The adversaries by name: harvests with the habits that each is known or feared for."""

from __future__ import annotations

from typing import ClassVar, Literal

# msgspec reads the annotations below at run time.
from stillwatch.lab.adversaries.campaign import Harvest
from stillwatch.lab.adversaries.fleet import (  # noqa: TC001
    Email,
    Networks,
    Payment,
    SignUp,
    Stacks,
)
from stillwatch.lab.adversaries.work import Task, Wording  # noqa: TC001
from stillwatch.lab.group import Count, Natural, NotNegative, Positive, Share  # noqa: TC001


class LoudHydra(Harvest, frozen=True, kw_only=True):
    """One script, one template, few networks, one card, banned accounts replaced at once."""

    kind: ClassVar[str] = "loud_hydra"

    accounts: Count = 80
    per_day: Positive = 26.0
    busy: Share = 0.8
    life_days: NotNegative = 9.0


class CoverTraffic(Harvest, frozen=True, kw_only=True):
    """Four fifths of every account's requests are honest ones on topics of its own."""

    kind: ClassVar[str] = "cover_traffic"

    accounts: Count = 60
    per_day: Positive = 4.0
    wording: Wording = "templates"
    pool: Natural = 12
    stacks: Stacks = "several"
    network: Networks = "rented"
    payment: Payment = "several"
    email: Email = "invented"
    cover: Share = 0.8


class SmallGraders(Harvest, frozen=True, kw_only=True):
    """A dozen accounts that have pairs of answers graded against a rubric."""

    kind: ClassVar[str] = "small_graders"

    accounts: Count = 12
    per_day: Positive = 18.0
    task: Task = "grading"
    stacks: Stacks = "several"
    network: Networks = "rented"
    payment: Payment = "several"
    email: Email = "free"


class SlowAndLow(Harvest, frozen=True, kw_only=True):
    """Two requests a day and account, below every rate limit, over many accounts."""

    kind: ClassVar[str] = "slow_and_low"

    accounts: Count = 150
    per_day: Positive = 2.0
    jitter_hours: NotNegative = 3.0
    network: Networks = "proxies"
    payment: Payment = "several"
    signup: SignUp = "spread"
    email: Email = "free"


class _OwnTraits(Harvest, frozen=True, kw_only=True):
    stacks: Stacks = "own"
    network: Networks = "proxies"
    payment: Payment = "distinct"
    signup: SignUp = "spread"
    email: Email = "free"


class Paraphrased(_OwnTraits, frozen=True, kw_only=True):
    """Many paraphrases of one template, a few for each account; own clients, jittered."""

    kind: ClassVar[str] = "paraphrased"

    accounts: Count = 60
    per_day: Positive = 8.0
    wording: Wording = "templates"
    templates: Count = 5
    pool: Natural = 30
    jitter_hours: NotNegative = 4.0


class OnlyTheGoal(_OwnTraits, frozen=True, kw_only=True):
    """Nothing shared but the goal: worded anew each time, two thirds of it covered."""

    kind: ClassVar[str] = "only_the_goal"

    accounts: Count = 60
    per_day: Positive = 5.0
    wording: Wording = "paraphrase"
    jitter_hours: NotNegative = 6.0
    cover: Share = 0.667


class Pivot(Harvest, frozen=True, kw_only=True):
    """Half of the group's volume moves to a new model within a day of its release."""

    kind: ClassVar[str] = "pivot"

    accounts: Count = 50
    per_day: Positive = 10.0
    wording: Wording = "templates"
    pool: Natural = 12
    stacks: Stacks = "several"
    network: Networks = "rented"
    payment: Payment = "several"
    email: Email = "invented"
    moves: Share = 0.5


class LoneExtractor(Harvest, frozen=True, kw_only=True):
    """One account with thousands of broad prompts that elicit reasoning."""

    kind: ClassVar[str] = "lone_extractor"

    accounts: Count = 1
    per_day: Positive = 280.0
    wording: Wording = "templates"
    templates: Count = 4
    retries: Literal["same", "other"] = "same"


class Careful(_OwnTraits, frozen=True, kw_only=True):
    """An operator who reads papers; a scenario adds the habit that is left out.

    A few of many paraphrased templates for each account; no shared client, payment or sign-up day;
    retries on the same account. Set `hours`, `volume_log_sd`, `resampled` or `answers` for the
    careful variants.
    """

    kind: ClassVar[str] = "careful"

    accounts: Count = 40
    per_day: Positive = 8.0
    wording: Wording = "templates"
    pool: Natural = 24
    jitter_hours: NotNegative = 4.0
    retries: Literal["same", "other"] = "same"


class BoughtAccounts(_OwnTraits, frozen=True, kw_only=True):
    """Accounts with an honest past, sold to an operator in the middle of the window."""

    kind: ClassVar[str] = "bought_accounts"

    accounts: Count = 40
    per_day: Positive = 10.0
    wording: Wording = "templates"
    pool: Natural = 24
    signup: SignUp = "old"
    past_days: NotNegative = 5.0


class Conversations(_OwnTraits, frozen=True, kw_only=True):
    """A harvest dressed as chat: greetings, several turns, a conversation id."""

    kind: ClassVar[str] = "conversations"

    accounts: Count = 40
    per_day: Positive = 8.0
    wording: Wording = "templates"
    pool: Natural = 24
    hours: Literal["flat", "human"] = "human"
    dressed: Share = 0.9
