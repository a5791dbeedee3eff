"""What in the traffic would raise a question, why, and what to declare so that it is answered.

Reasons only. No sentence here holds a number, and none advises to change wording, timing, volume
or the spread over accounts: that would teach an operator how to look like somebody else, and gains
an honest customer nothing that a declaration does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.selfcheck.looks import FEWEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from stillwatch.selfcheck.looks import Looks
    from stillwatch.selfcheck.measure import Traits


@dataclass(frozen=True, slots=True)
class Friction:
    """Something that may raise a question.

    Attributes:
        name: such as ``one_queue``.
        alone: whether it can raise a question by itself; else it only adds weight to others.
        why: the reason, one or two sentences.
        declare: what to do, each a sentence.
    """

    name: str
    alone: bool
    why: str
    declare: tuple[str, ...]


def frictions(traits: Traits, looks: Looks) -> tuple[Friction, ...]:
    """What applies to this traffic, those that can raise a question by themselves first."""
    if traits.requests < FEWEST:
        return ()
    found = [friction for applies, friction in _CATALOGUE if applies(traits, looks)]
    return tuple(sorted(found, key=lambda friction: not friction.alone))


ORGANISATION = (
    "Have all accounts entered under one declared organisation; a declared organisation counts as "
    "one customer, and its accounts working together explain themselves."
)
BATCH = "Send it through the provider's batch endpoint, where work without people is expected."
EVALUATION = (
    "Join the provider's evaluation programme, or tell it which benchmark you run, on which "
    "accounts and when."
)
PURPOSE = (
    "Tell the provider what the answers are for, before it asks. If a model is trained on them, "
    "get the permission that the terms ask for in writing."
)
LIMIT = "Ask for a higher limit on one account instead of opening more."
END_USERS = (
    "Send a pseudonymous id of the end user with each request, so that different people can be "
    "seen to be different."
)
RESELLER = "Get on the provider's list of resellers, and pass on which of your customers asks."
CLIENT = "Let your program name itself in the user agent, and tell the provider which one it is."

_CATALOGUE: tuple[tuple[Callable[[Traits, Looks], bool], Friction], ...] = (
    (
        lambda _, looks: looks.harvest,
        Friction(
            "harvest_shape",
            True,
            "Items pass through a fixed frame, hardly any comes twice, reasoning or grading is "
            "asked for, answers are long and nobody asks on. Many honest jobs look like this; so "
            "does collecting a model's answers as training data.",
            (PURPOSE, BATCH),
        ),
    ),
    (
        lambda _, looks: looks.alike and looks.job,
        Friction(
            "one_queue",
            True,
            "Several accounts work through one pile. Customers each have their own subjects; "
            "accounts that do not are one operator's, and where that is not said it looks hidden.",
            (ORGANISATION, LIMIT),
        ),
    ),
    (
        lambda _, looks: looks.pooled and not looks.job,
        Friction(
            "moving_conversations",
            True,
            "Conversations move from one account to another, and requests are tried again on "
            "another account. This is how a relay that shares accounts works.",
            (RESELLER, END_USERS, ORGANISATION),
        ),
    ),
    (
        lambda _, looks: looks.exercise and looks.job,
        Friction(
            "benchmark",
            True,
            "A whole set of questions is worked through in a fixed wording. On its own account, "
            "one run of a benchmark and one collection of answers look the same; that others "
            "send the same public questions speaks for a benchmark.",
            (EVALUATION,),
        ),
    ),
    (
        lambda _, looks: looks.exercise and not looks.job,
        Friction(
            "same_items",
            False,
            "Different accounts send the same texts, as with an assignment. This speaks against "
            "a divided pile, but it joins the accounts in a detector's eyes.",
            (ORGANISATION,),
        ),
    ),
    (
        lambda t, looks: looks.application and t.accounts > 1,
        Friction(
            "shared_program",
            False,
            "Several accounts send one system prompt, so they are looked at as a group. People "
            "with subjects and hours of their own are told from a program soon.",
            (CLIENT, ORGANISATION),
        ),
    ),
    (
        lambda t, looks: t.grading >= 0.5 and looks.job,
        Friction(
            "grading",
            False,
            "Most requests ask for scores or preferences, which is also how a reward model is "
            "trained.",
            (EVALUATION, PURPOSE),
        ),
    ),
    (
        lambda t, looks: not looks.job and looks.talks and t.accounts == 1 and not t.end_users,
        Friction(
            "unnamed_users",
            False,
            "If several people speak through this one account, nothing in the requests tells them "
            "apart.",
            (END_USERS,),
        ),
    ),
    (
        lambda _, looks: looks.job and looks.restless,
        Friction(
            "round_the_clock",
            False,
            "Work goes on at night as by day. Alone it means a program, which is nothing wrong.",
            (BATCH,),
        ),
    ),
    (
        lambda t, _: t.accounts > 1 and 0 < t.networks < t.accounts / 2,
        Friction(
            "shared_network",
            False,
            "Several accounts come from the same network. Offices, schools and carriers do too; "
            "it only adds to what else joins them.",
            (ORGANISATION,),
        ),
    ),
    (
        lambda t, _: (t.limited or 0) > 0.02,
        Friction(
            "limits",
            False,
            "Requests are often turned away for their rate. Trying them on another account looks "
            "like getting around a limit.",
            (LIMIT, BATCH),
        ),
    ),
)
