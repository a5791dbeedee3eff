"""What customers are told: why, in plain words, and what they can do. No detector is given away."""

from __future__ import annotations

from stillwatch.standing import Action

_NOTICES = {
    Action.THROTTLE: (
        "Requests from this account are answered more slowly for now, because its use together "
        "with that of other accounts goes beyond what our terms allow for one customer."
    ),
    Action.VERIFY: (
        "Please confirm who uses this account. Until then its requests are on hold. We ask because "
        "its use resembles that of accounts which are run together against our terms."
    ),
    Action.RESTRICT: (
        "Some features are switched off for this account for now, because its use resembles the "
        "collection of answers to train another model, which our terms do not allow."
    ),
    Action.SUSPEND: (
        "This account is suspended. We believe that it is one of a group of accounts that one "
        "operator uses to collect answers for training another model, against our terms."
    ),
}

STATUS = {
    Action.ALLOW: "Nothing is in force against this account.",
    Action.THROTTLE: "This account is slowed down.",
    Action.VERIFY: "This account must be verified.",
    Action.RESTRICT: "This account is restricted.",
    Action.SUSPEND: "This account is suspended.",
}
"""One line for the top of the customer's page."""


def notice_for(action: Action) -> str:
    """The customer's reason where the investigator gives none; empty for `allow`."""
    return _NOTICES.get(action, "")
