"""The snapshot as the guard looks things up in it: what is in force, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stillwatch.schema import FAMILY_KEYS, Verdict
from stillwatch.standing import Action, Snapshot

if TYPE_CHECKING:
    from stillwatch.guard.policy import Policy
    from stillwatch.standing import KnownCampaign, Standing


class Held(NamedTuple):
    """A `Standing` with its times in seconds, and its action as the policy lets it stand.

    Attributes:
        standing: as published.
        action: after the policy's rules for suspension.
        reason: of the standing, and of what was made milder.
        begin, end: seconds since 1970, between which the action is in force.
        campaign: the name of the shared budget, and the verdict it goes by.
    """

    standing: Standing
    action: Action
    reason: str
    begin: float
    end: float
    campaign: tuple[str, Verdict] | None


class Known(NamedTuple):
    """Tokens by which known campaigns are recognised: token to campaign."""

    families: dict[tuple[int, int], str]
    payments: dict[int, str]


class Force:
    """One snapshot under one policy; replaced as a whole when either changes."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self.snapshot = snapshot
        self.campaigns = {campaign.campaign_id: campaign for campaign in snapshot.campaigns}
        self._held = {
            standing.account_id: self._hold(standing, policy) for standing in snapshot.standings
        }
        self.of = self._held.get
        self.known = _known(snapshot)

    def budget_of(self, campaign_id: str) -> tuple[str, Verdict] | None:
        """The shared budget of a known campaign and the verdict it goes by."""
        known = self.campaigns.get(campaign_id)
        return (shared_budget(known), known.verdict) if known else None

    def _hold(self, standing: Standing, policy: Policy) -> Held:
        action, reason = _permitted(standing, policy)
        campaign = None
        if standing.campaign_id:
            known = self.campaigns.get(standing.campaign_id)
            verdict = known.verdict if known else standing.verdict
            if verdict is not None:
                campaign = (shared_budget(known) or standing.campaign_id, verdict)
        return Held(
            standing,
            action,
            reason,
            standing.since.timestamp() if standing.since else 0.0,
            standing.expires_at.timestamp() if standing.expires_at else float("inf"),
            campaign,
        )


def shared_budget(campaign: KnownCampaign | None) -> str:
    """The name of a campaign's budget, which outlives a change of its members."""
    return (campaign.budget or campaign.campaign_id) if campaign else ""


def _permitted(standing: Standing, policy: Policy) -> tuple[Action, str]:
    """A suspension stands if a person approved it, or the policy suspends what a scan accepted."""
    if standing.action is not Action.SUSPEND or standing.approved_by:
        return standing.action, standing.reason
    sentence = policy.verdicts.distillation
    by_scan = standing.verdict is Verdict.DISTILLATION and standing.author.startswith("scan:")
    if by_scan and sentence.suspension == "automatic":
        return Action.SUSPEND, standing.reason
    reason = f"{standing.reason}; suspension awaits a person's approval"
    return sentence.action, reason.removeprefix("; ")


def _known(snapshot: Snapshot) -> Known:
    kinds = {name: code for code, name in enumerate(FAMILY_KEYS)}
    accused = [c for c in snapshot.campaigns if c.verdict is Verdict.DISTILLATION]
    return Known(
        {
            (kinds[kind], key): campaign.campaign_id
            for campaign in accused
            for kind, key in campaign.families
            if kind in kinds
        },
        {key: campaign.campaign_id for campaign in accused for key in campaign.payments},
    )
