"""What the guard answers."""

from __future__ import annotations

import msgspec

from stillwatch.standing import Action


class Restrictions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the gateway must leave out of a restricted request's answer.

    Attributes:
        withhold_reasoning, withhold_logprobs: leave these out.
        summarise_reasoning: have the servers of the model send a summary in its place.
        max_choices: most answers (``n``); None for any number.
        max_output_tokens: cap of the answer; None for none.
        watermark: have the answer marked by the servers that make it.
    """

    withhold_reasoning: bool = False
    withhold_logprobs: bool = False
    summarise_reasoning: bool = False
    max_choices: int | None = None
    max_output_tokens: int | None = None
    watermark: bool = False


class Decision(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """What happens to a request, and why.

    Attributes:
        action: what the policy says.
        enforced: whether it is carried out; False in shadow mode.
        reason: for the operator's people; may name evidence.
        notice: for the customer; gives no detector away.
        source: ``standing``, ``limit``, ``history``, ``level``, ``live``, ``failure``; empty
            where nothing spoke against the request.
        subject: whose budget ran out, such as ``campaign``; empty for others.
        author: who decided: ``scan:…``, ``user:…``, or ``policy:<version>``.
        campaign_id: the campaign that the account belongs to or has joined.
        expires_at: event time at which the action ends, seconds since 1970; None for `allow`, and
            where whoever decided set no end.
        retry_after: seconds until it is worth trying again; 0 where that is not known.
        reserved: tokens taken from the budgets until the request is settled.
        restrictions: of a restricted request.
        verify_url: where to verify.
        degraded: why the decision rests on less than it should; empty as a rule.
    """

    action: Action = Action.ALLOW
    enforced: bool = True
    reason: str = ""
    notice: str = ""
    source: str = ""
    subject: str = ""
    author: str = ""
    campaign_id: str | None = None
    expires_at: float | None = None
    retry_after: float = 0.0
    reserved: float = 0
    restrictions: Restrictions | None = None
    verify_url: str = ""
    degraded: str = ""

    @property
    def effective(self) -> Action:
        """What is carried out."""
        return self.action if self.enforced else Action.ALLOW

    @property
    def passes(self) -> bool:
        """Whether the request goes on to the model."""
        return self.effective in (Action.ALLOW, Action.RESTRICT)
