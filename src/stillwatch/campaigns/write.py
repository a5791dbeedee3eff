"""What was found, written as `schema.Campaign` and a row an account."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.describe import Deeds, campaign_id, links
from stillwatch.campaigns.lone import Lone
from stillwatch.campaigns.membership import VERDICT_ORDER
from stillwatch.campaigns.payer import OnePayer
from stillwatch.campaigns.statement import state
from stillwatch.schema import ACCOUNT_VERDICTS, Campaign, Member, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.campaigns.concealment import Traits
    from stillwatch.campaigns.individuals import Floors
    from stillwatch.campaigns.membership import Grouped
    from stillwatch.schema import Fact, Prior

Ints = NDArray[np.int64]

REASONS = 3


@dataclass(frozen=True)
class Directory:
    """Account keys, ids and numbers of requests: parallel, in the order of the ids."""

    keys: Ints
    ids: list[str]
    requests: Ints

    @classmethod
    def of(cls, names: pa.Table, activity: pa.Table) -> Directory:
        """From the store's names (ordered by id) and `account_activity` (ordered by account)."""
        keys = names.column("account").to_numpy()
        place = np.searchsorted(activity.column("account").to_numpy(), keys)
        counts = activity.column("requests").to_numpy()[place]
        return cls(keys, names.column("account_id").to_pylist(), counts)

    def look_up(self, wanted: Iterable[int]) -> dict[int, tuple[str, int]]:
        """Id and number of requests of some accounts."""
        return {
            int(self.keys[i]): (self.ids[i], int(self.requests[i])) for i in self.places(wanted)
        }

    def places(self, wanted: Iterable[int]) -> Ints:
        """Where some accounts stand."""
        order, keys = self._by_key
        found: Ints = order[np.searchsorted(keys, np.fromiter(wanted, dtype=np.int64))]
        return found

    @cached_property
    def _by_key(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.keys)
        return order, self.keys[order]


@dataclass(frozen=True)
class Written:
    """A campaign, the keys of its members in their order, and the keys of some of its requests."""

    campaign: Campaign
    keys: tuple[int, ...]
    examples: tuple[int, ...]

    def named(self, priors: tuple[Prior, ...]) -> Written:
        """The same, with who named it."""
        return replace(self, campaign=replace(self.campaign, priors=priors))


def write(
    found: Grouped | Lone | OnePayer,
    done: Deeds,
    directory: Directory,
    traits: Traits,
    floors: Floors,
    level: float,
    *,
    moves: tuple[Fact, ...] = (),
) -> Written:
    """What was found as a campaign; its numbers are its stream's.

    What its accounts hand over to each other (`moves`) stands after what the verdict rests on.
    """
    said = state(found, floors, level)
    members = _members(done, directory, _shared(found))
    keys = tuple(key for key, _ in members)
    listed = tuple(member for _, member in members)
    payment = dict(zip(keys, traits.of(np.array(keys)).payment.tolist(), strict=True))
    several = len(listed) > 1
    campaign = Campaign(
        campaign_id=campaign_id(member.account_id for member in listed),
        **{f.name: getattr(said, f.name) for f in fields(said)} | {"facts": (*said.facts, *moves)},
        members=listed,
        links=links(listed, keys, done, payment, len(directory.ids)) if several else (),
        **_numbers(done),
    )
    return Written(campaign, keys, done.examples)


def _shared(found: Grouped | Lone | OnePayer) -> str:
    """What a member's requests have in common with the others'."""
    if isinstance(found, OnePayer):
        return "all that the payer's accounts send"
    return "one frame" if isinstance(found, Lone) else found.lead.mined.found_by


def in_order(written: Iterable[Written]) -> list[Written]:
    """What was tested before what was not, most certain verdict first, then most requests."""
    return sorted(
        written,
        key=lambda w: (
            w.campaign.by_payer,
            VERDICT_ORDER.index(w.campaign.verdict),
            -w.campaign.requests,
            w.campaign.campaign_id,
        ),
    )


def account_table(written: Iterable[Written], directory: Directory, *, judged: bool) -> pa.Table:
    """`schema.ACCOUNT_VERDICTS`: a row for every account, ordered by id.

    Args:
        written: the campaigns.
        directory: every account.
        judged: whether coordination could be judged at all in this log.
    """
    clear = {
        "verdict": str(Verdict.CLEAR),
        "campaign_id": None,
        "coordination_p": 1.0 if judged else None,
        "extraction_p": None,
        "reasons": (),
    }
    columns: dict[str, list[Any]] = {
        name: [value] * len(directory.ids) for name, value in clear.items()
    }
    for entry in written:
        campaign = entry.campaign
        why = [fact.text for fact in campaign.facts]
        for place, member in zip(directory.places(entry.keys), campaign.members, strict=True):
            columns["verdict"][place] = str(campaign.verdict)
            columns["campaign_id"][place] = campaign.campaign_id
            columns["coordination_p"][place] = campaign.coordination_p
            columns["extraction_p"][place] = campaign.extraction_p
            columns["reasons"][place] = [*member.reasons, *why][:REASONS]
    known = {"account_id": directory.ids, "requests": directory.requests}
    return pa.table({**known, **columns}, schema=ACCOUNT_VERDICTS)


def _members(done: Deeds, directory: Directory, shared: str) -> list[tuple[int, Member]]:
    known = directory.look_up(done.members)
    members = [
        (
            key,
            Member(
                account_id=known[key][0],
                requests=known[key][1],
                stream_requests=count,
                first_seen=first,
                last_seen=last,
                reasons=(
                    f"{count:,} of its {known[key][1]:,} requests belong to the stream ({shared}).",
                ),
            ),
        )
        for key, (count, first, last) in done.members.items()
    ]
    return sorted(members, key=lambda item: (-item[1].stream_requests, item[1].account_id))


def _numbers(done: Deeds) -> dict[str, Any]:
    names = (
        "requests", "input_tokens", "output_tokens", "cost_usd", "first_seen", "last_seen",
        "capabilities", "models", "hours", "timeline",
    )  # fmt: skip
    return {name: getattr(done, name) for name in names}
