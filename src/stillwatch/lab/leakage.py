"""How much a campaign gets away with before it is acted upon, and who else is hit.

*Leakage* is the share of a campaign's own requests that were answered in full before the first
action on the account that sent them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.standing import Action

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HITS = (Action.THROTTLE, Action.VERIFY)


@dataclass(frozen=True)
class CampaignLeakage:
    """One true campaign.

    Attributes:
        campaign: its name in the truth.
        accounts: that sent requests of it.
        acted: of these, met with any action.
        requests: of the campaign.
        leaked: before the first action on their account.
        exchanges: median of its requests an account before action (all, where none came).
    """

    campaign: str
    accounts: int
    acted: int
    requests: int
    leaked: int
    exchanges: float

    @property
    def leakage(self) -> float:
        """Share of the campaign's requests that leaked."""
        return self.leaked / self.requests


@dataclass(frozen=True)
class Hurt:
    """What happened to accounts outside of campaigns, by the truth's kind (honest or pooled).

    Attributes:
        kind: of the accounts.
        requests: theirs.
        hit: throttled or challenged.
        restricted: answered with restrictions.
        accounts_hit: accounts with at least one of either.
        suspended: accounts suspended.
    """

    kind: str
    requests: int
    hit: int
    restricted: int
    accounts_hit: int
    suspended: int


@dataclass(frozen=True)
class Leakage:
    """All of it."""

    campaigns: tuple[CampaignLeakage, ...]
    hurt: tuple[Hurt, ...]


def leakage(truth: Path, decisions: Path) -> Leakage:
    """Compare a replay's decisions with the truth.

    Args:
        truth: folder with `truth.parquet` and `truth_requests.parquet`.
        decisions: `decisions.parquet`.

    Raises:
        InputError: a file is missing, or the two are not of the same log.
    """
    accounts = _read(truth / "truth.parquet", "account_id", "kind")
    kinds = dict(zip(accounts["account_id"], accounts["kind"], strict=True))
    campaign_of = campaigns_of(truth)
    rows = _read(decisions, "request_id", "account_id", "action")
    # what an operator sent again carries the name of what it was at first
    asked = [name.partition("~")[0] for name in rows["request_id"]]
    if not set(asked) <= campaign_of.keys():
        raise InputError("these decisions are about another log", file=str(decisions))
    accused = np.array([campaign_of[name] or "" for name in asked])
    names, account = np.unique(np.array(rows["account_id"]), return_inverse=True)
    action = np.array(rows["action"])
    answered = _before_action(account, action, len(names))
    return Leakage(
        tuple(
            _campaign(str(name), account, action, accused == name, answered)
            for name in np.unique(accused[accused != ""])
        ),
        tuple(
            _hurt(kind, account, action, np.array([kinds.get(n) == kind for n in names])[account])
            for kind in ("honest", "pooled")
        ),
    )


def campaigns_of(truth: Path) -> dict[str, str | None]:
    """The campaign of every request id of a simulated log; None for none.

    Raises:
        InputError: the truth cannot be read.
    """
    asked = _read(truth / "truth_requests.parquet", "request_id", "campaign")
    return dict(zip(asked["request_id"], asked["campaign"], strict=True))


def _read(path: Path, *columns: str) -> dict[str, list[str]]:
    try:
        table = pq.read_table(path, columns=list(columns))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path)) from None
    return {name: table.column(name).to_pylist() for name in columns}


def _before_action(
    account: NDArray[np.int64], action: NDArray[np.str_], size: int
) -> NDArray[np.bool_]:
    """Whether each request, in event order, came before the first action on its account."""
    place = np.arange(len(account))
    first = np.full(size, len(account))
    np.minimum.at(first, account, np.where(action == Action.ALLOW, len(account), place))
    return place < first[account]


def _campaign(
    name: str,
    account: NDArray[np.int64],
    action: NDArray[np.str_],
    chosen: NDArray[np.bool_],
    answered: NDArray[np.bool_],
) -> CampaignLeakage:
    members = np.unique(account[chosen])
    before = np.bincount(account[chosen & answered], minlength=account.max() + 1)[members]
    met = np.unique(account[action != Action.ALLOW])
    return CampaignLeakage(
        campaign=name,
        accounts=len(members),
        acted=int(np.isin(members, met).sum()),
        requests=int(chosen.sum()),
        leaked=int(before.sum()),
        exchanges=float(np.median(before)),
    )


def _hurt(
    kind: str, account: NDArray[np.int64], action: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> Hurt:
    hit = chosen & np.isin(action, HITS)
    restricted = chosen & (action == Action.RESTRICT)
    return Hurt(
        kind=kind,
        requests=int(chosen.sum()),
        hit=int(hit.sum()),
        restricted=int(restricted.sum()),
        accounts_hit=len(np.unique(account[hit | restricted])),
        suspended=len(np.unique(account[chosen & (action == Action.SUSPEND)])),
    )
