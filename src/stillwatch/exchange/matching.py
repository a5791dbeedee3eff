"""Imported indicators against one's own log: a prior, a reason to verify, no verdict.

Tokens are under the partners' key and sketches under the provider's own, so the log is read again
and sketched with both. Every match names the provider's own key of the same words, which mining and
the guard understand. What hits far more accounts than its source has seen is set aside: it is
common here, or a partner is wrong, or means harm.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.exchange.collect import SHARED_KINDS
from stillwatch.exchange.package import moment_of
from stillwatch.priors import PRIORS
from stillwatch.signals.families import KINDS
from stillwatch.sketch import Sketcher
from stillwatch.standing import Action, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from numpy.typing import NDArray

    from stillwatch.exchange.collect import Keys
    from stillwatch.exchange.package import Indicator, Package

MIN_REQUESTS = 3
"""Requests that must show an indicator before an account is asked to verify: once is no habit."""

MOST_TIMES, MOST_SHARE = 20, 0.02
"""An indicator is set aside if it hits more accounts than so many times what its source has seen,
or than this share of all accounts (and more than `FEW`): then it says nothing about a campaign
here."""

FEW = 20

VERIFY_FOR = timedelta(days=14)
"""How long an account is asked to verify because of an indicator."""

NOTICE = "Please verify your account to go on. You can ask why, and appeal."


@dataclass
class Hit:
    """What one indicator met in the log.

    Attributes:
        package, indicator: what was shared.
        own: the provider's own key of the same words.
        requests: of each account that showed it.
    """

    package: Package
    indicator: Indicator
    own: int = 0
    requests: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Matches:
    """The outcome.

    Attributes:
        hits: indicators that count.
        set_aside: those that hit too many accounts, each with the reason.
        accounts: accounts in the log.
        key: fingerprint of the provider's own sketch key.
    """

    hits: tuple[Hit, ...]
    set_aside: tuple[tuple[Hit, str], ...]
    accounts: int
    key: str

    def priors(self) -> pa.Table:
        """All hits as a `priors.PRIORS` table, for mining.

        Those that were set aside too: they were by how many accounts show them, which the testing
        half of the log has a part in, and where mining looks must not depend on that.
        """
        rows = [
            {
                "kind": KINDS.index(hit.indicator.kind),
                "key": hit.own,
                "source": hit.package.source,
                "campaign": hit.package.campaign.name,
                "confidence": confidence(hit),
                "valid_until": moment_of(hit.indicator.valid_until),
                "accounts": len(hit.requests),
            }
            for hit in (*self.hits, *(hit for hit, _ in self.set_aside))
        ]
        return pa.Table.from_pylist(rows, schema=PRIORS.with_metadata({"key": self.key}))

    def step_up(self, now: datetime) -> tuple[Standing, ...]:
        """The accounts to ask for verification: never more than that, and with an end."""
        reasons: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for hit in self.hits:
            for account, count in hit.requests.items():
                known = reasons[account].get(hit.package.name, 0)
                reasons[account][hit.package.name] = max(known, count)
        return tuple(
            Standing(
                account_id=account,
                action=Action.VERIFY,
                reason="requests show prompt families of a campaign elsewhere: "
                + ", ".join(f"{name} ({count})" for name, count in sorted(found.items())),
                notice=NOTICE,
                author="import:" + ",".join(sorted({name.partition(":")[0] for name in found})),
                since=now,
                expires_at=now + VERIFY_FOR,
            )
            for account, found in sorted(reasons.items())
            if max(found.values()) >= MIN_REQUESTS
        )


def confidence(hit: Hit) -> int:
    """The source's confidence, halved by every partner that disputes it."""
    return hit.indicator.confidence >> min(hit.package.disputes, 7)


def match(
    batches: Iterable[pa.RecordBatch], packages: Iterable[Package], keys: Keys, now: datetime
) -> Matches:
    """Look for imported indicators in a log.

    Args:
        batches: in `schema.REQUESTS`.
        packages: that are in force; those under another partners' key are left out.
        keys: of the deployment and of the partners.
        now: indicators that do not count at this moment are left out.
    """
    wanted = _wanted(packages, keys.partners.fingerprint, now)
    own, partners = Sketcher(keys.own), Sketcher(keys.partners)
    accounts: set[str] = set()
    for batch in batches:
        who = batch.column("account_id").to_pylist()
        accounts.update(who)
        if not wanted:
            continue
        shared = partners.sketch(batch).sketches
        rows = _rows(shared, wanted)
        if len(rows):
            mine = own.sketch(batch.take(rows)).sketches
            _count(mine, shared.take(rows), [who[i] for i in rows], wanted)
    hits = [hit for hit in wanted.values() if hit.requests]
    judged = [(hit, _too_common(hit, len(accounts))) for hit in hits]
    return Matches(
        tuple(hit for hit, why in judged if not why),
        tuple((hit, why) for hit, why in judged if why),
        len(accounts),
        keys.own.fingerprint,
    )


def _wanted(packages: Iterable[Package], key: str, now: datetime) -> dict[tuple[str, int], Hit]:
    wanted: dict[tuple[str, int], Hit] = {}
    for package in packages:
        if package.key != key or package.revoked:
            continue
        for indicator in package.indicators:
            token = int(indicator.token, 16)
            place = indicator.kind, token - 2**64 if token >= 2**63 else token
            held = wanted.get(place)
            if indicator.counts_at(now) and (
                held is None or held.indicator.confidence < indicator.confidence
            ):
                wanted[place] = Hit(package, indicator)
    return wanted


def _rows(shared: pa.RecordBatch, wanted: dict[tuple[str, int], Hit]) -> NDArray[np.intp]:
    found = np.zeros(len(shared), dtype=bool)
    for kind in SHARED_KINDS:
        keys = [key for of, key in wanted if of == kind]
        if keys:
            column = shared.column(kind).fill_null(0).to_numpy(zero_copy_only=False)
            found |= np.isin(column, keys)
    return np.flatnonzero(found)


def _count(
    mine: pa.RecordBatch,
    shared: pa.RecordBatch,
    who: list[str],
    wanted: dict[tuple[str, int], Hit],
) -> None:
    for kind in SHARED_KINDS:
        theirs = shared.column(kind).to_pylist()
        ours = mine.column(kind).to_pylist()
        for account, partner, own in zip(who, theirs, ours, strict=True):
            hit = wanted.get((kind, partner)) if partner is not None else None
            if hit is not None:
                hit.own = own
                hit.requests[account] += 1


def _too_common(hit: Hit, accounts: int) -> str:
    found, seen = len(hit.requests), hit.indicator.accounts
    if found <= FEW:
        return ""
    if found > MOST_TIMES * max(seen, 1):
        return f"{found} accounts show it here, {seen} did where it comes from"
    if found > MOST_SHARE * accounts and found > seen:
        return f"{found} of {accounts} accounts show it here: it is common"
    return ""
