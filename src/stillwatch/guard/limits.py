"""Whose budgets a request draws on: limits that follow the operator, not the key.

Budgets are counted for the key, the account, the declared organisation, the payer, the account's
verification level, and the campaign. Members of a campaign share one budget, so that opening
another account buys nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stillwatch.guard.store import Charge
from stillwatch.standing import level_named

if TYPE_CHECKING:
    from stillwatch.guard.ask import Ask, Settlement
    from stillwatch.guard.policy import Limit, Limits, Policy
    from stillwatch.schema import Verdict


class Compiled(NamedTuple):
    """A `policy.Limit` as numbers: interval and tolerance of requests, then of tokens."""

    subject: str
    requests: tuple[float, float] | None
    tokens: tuple[float, float] | None

    def add(self, charges: list[Charge], owner: str, tokens: float) -> None:
        """Add the charges of one request."""
        if self.requests:
            charges.append(Charge(self.subject, owner, "r", *self.requests, 1))
        if self.tokens:
            charges.append(Charge(self.subject, owner, "t", *self.tokens, tokens))


def _compile(subject: str, limit: Limit) -> Compiled | None:
    if limit.requests is None and limit.tokens is None:
        return None
    pair = [
        (rate.interval, rate.tolerance) if rate else None for rate in (limit.requests, limit.tokens)
    ]
    return Compiled(subject, pair[0], pair[1])


class Budgets:
    """The limits of a policy, ready for use.

    Args:
        policy: the whole policy.
    """

    def __init__(self, policy: Policy) -> None:
        limits: Limits = policy.limits
        self._key = _compile("key", limits.key)
        self._account = _compile("account", limits.account)
        self._organization = _compile("organization", limits.organization)
        self._payment = _compile("payment", limits.payment)
        self._throttled = _compile("throttled", limits.throttled)
        self._levels = {
            level_named(name): found
            for name, limit in limits.levels.items()
            if (found := _compile("level", limit)) is not None
        }
        self._campaigns = {
            name: _compile("campaign", getattr(limits.campaign, name))
            for name in ("distillation", "pooled", "inconclusive")
        }

    def charges(
        self,
        who: Ask | Settlement,
        tokens: float,
        *,
        organization: str | None,
        payment: str | None,
        level: str | None,
        throttled: bool = False,
        campaign: tuple[str, Verdict] | None = None,
    ) -> list[Charge]:
        """What one request takes, and from which budgets.

        Args:
            who: names account and key.
            tokens: of input and output.
            organization: of the account, None where unknown.
            payment: its payer.
            level: its verification level.
            throttled: whether the account is under `throttle`.
            campaign: the shared budget's name, and the verdict that says how large it is.
        """
        charges: list[Charge] = []
        account = who.account_id
        if self._key and who.api_key_id:
            self._key.add(charges, who.api_key_id, tokens)
        if self._account:
            self._account.add(charges, account, tokens)
        if self._organization and organization:
            self._organization.add(charges, organization, tokens)
        if self._payment and payment:
            self._payment.add(charges, payment, tokens)
        if (
            self._levels
            and level is not None
            and (of_level := self._levels.get(level_named(level)))
        ):
            of_level.add(charges, account, tokens)
        if throttled and self._throttled:
            self._throttled.add(charges, account, tokens)
        if campaign and (shared := self._campaigns.get(campaign[1])):
            shared.add(charges, campaign[0], tokens)
        return charges
