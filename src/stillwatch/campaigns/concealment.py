"""Do these accounts make a secret of belonging together?

Companies spread work over keys and accounts for honest reasons and say so: one organisation, one
domain, one payer. What makes a campaign is common control that is hidden. This module looks at what
the accounts declare about themselves, and names the evidence either way. Without an account file
only the addresses can speak, and without those nothing can: then nobody is accused of hiding.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.coding import coded

Ints = NDArray[np.int64]

MOST = 0.8
"""A trait that so large a share of the group has in common is the group's own."""

MIN_KNOWN = 0.5
"""Share of members whose trait must be known before it says anything about the group."""

PUBLIC_USERS = 5
"""Accounts outside the group, with other payers, from which on a domain belongs to no company."""

DAY = 86_400
FRESH_DAYS = 30
"""Age at its first request below which an account was made for the purpose."""

MIN_NETWORKS = 3
"""Networks over which one queue must be spread to count as spread. Where nothing is declared about
the accounts, it must be as many as there are accounts."""

_LISTED = 2**32  # an encoding, no threshold: codes of organisations are far smaller

DECLARATIONS = frozenset({"email_domain", "payment_fingerprint", "organization_id"})
"""Traits by which accounts can say that they belong together."""


@dataclass(frozen=True)
class Traits:
    """What is declared about accounts: parallel arrays over all accounts, sorted by `account`.

    Codes are non-negative; -1 is unknown. `created` is in seconds since the epoch; `age` is the
    account's age in days at its first request in the log; both nan where unknown. `available`
    names the traits that the account file has.
    """

    account: Ints
    organization: Ints
    domain: Ints
    payment: Ints
    signup_network: Ints
    created: NDArray[np.float64]
    available: frozenset[str]
    age: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def company(self) -> Ints:
        """A code of each account's e-mail domain and payer; -1 where one of them is unknown."""
        _, domain, _ = coded(self.domain)
        _, payment, payers = coded(self.payment)
        _, company, _ = coded(domain * len(payers) + payment)
        return np.where((self.domain >= 0) & (self.payment >= 0), company, -1)

    @cached_property
    def _users(self) -> tuple[Ints, Ints]:
        """How many have each account's domain, and its company."""
        return _alike(self.domain), _alike(self.company)

    def strangers(self, accounts: Ints) -> Ints:
        """How many use each one's domain who are not of the group and pay by other means.

        Who has the domain and the payer in common with a member is of the same company, in the
        group or not.

        Args:
            accounts: of the group; where a domain is unknown the answer means nothing.
        """
        at = np.searchsorted(self.account, accounts)
        domain, company = self.domain[at], self.company[at]
        users, colleagues = (of[at] for of in self._users)
        outside = users - _alike(domain)
        return outside - np.where(company >= 0, colleagues - _alike(company), 0)

    def seen_from(self, first_seen: pa.ChunkedArray) -> Traits:
        """The same with ages, from each account's first request, in the order of `account`."""
        seconds = first_seen.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() / 1e6
        return replace(self, age=(seconds - self.created) / DAY)

    def openly_organised(self, accounts: Ints) -> NDArray[np.bool_]:
        """Which of the accounts are listed, or declare an organisation with other accounts too."""
        at = np.searchsorted(self.account, accounts)
        return np.isin(self.organization[at], self._organised)

    @cached_property
    def _organised(self) -> Ints:
        """Organisations that are listed, or that several accounts declare."""
        declared, counts = np.unique(self.organization[self.organization >= 0], return_counts=True)
        found: Ints = declared[(counts > 1) | (declared >= _LISTED)]
        return found

    def listed(self, entry: Ints) -> Traits:
        """The same with the provider's own list, which goes before what accounts declare.

        Args:
            entry: of each account, the entry of the list that it belongs to, or -1.
        """
        return replace(self, organization=np.where(entry >= 0, _LISTED + entry, self.organization))

    def of(self, accounts: Ints) -> Traits:
        """The same for some accounts, in their order."""
        i = np.searchsorted(self.account, accounts)
        return Traits(
            accounts,
            self.organization[i],
            self.domain[i],
            self.payment[i],
            self.signup_network[i],
            self.created[i],
            self.available,
            self.age[i] if len(self.age) else np.full(len(accounts), np.nan),
        )


@dataclass(frozen=True, slots=True)
class Concealment:
    """What the declared traits of a group say.

    Attributes:
        open_structure: why the group makes no secret of belonging together; empty if it does.
        evidence: what shows that common control was hidden; empty if nothing does.
        judged: whether there was anything to judge by.
    """

    open_structure: tuple[str, ...]
    evidence: tuple[str, ...]
    judged: bool

    @property
    def concealed(self) -> bool:
        """Whether hiding is shown and nothing is in the open."""
        return bool(self.evidence) and not self.open_structure


def judge_concealment(
    group: Ints, population: Traits, networks: Ints | None, clients: Ints | None
) -> Concealment:
    """Weigh what a group's accounts declare.

    Args:
        group: account keys.
        population: traits of every account, the group's among them.
        networks: for each stream request its network's code (-1 unknown), or None where the log
            has none.
        clients: the same of client programs.
    """
    members = population.of(group)
    size = len(group)
    open_structure: list[str] = []
    evidence: list[str] = []
    share, common = _commonest(members.organization)
    if share >= MOST and _known(members.organization) >= MOST:
        known = (
            "are one entry of the provider's list"
            if common >= _LISTED
            else "declare one organisation"
        )
        open_structure.append(f"{share:.0%} of the accounts {known}")
    domain_share, domain = _commonest(members.domain)
    strangers = population.strangers(group)[members.domain == domain]
    private = domain_share >= MOST and strangers.min() < PUBLIC_USERS
    fresh = _known_ages(members.age) and float((members.age < FRESH_DAYS).mean()) >= MOST
    declared = bool(population.available & DECLARATIONS)
    # without an account file an open company with several offices must not look hidden
    least = MIN_NETWORKS if declared else max(MIN_NETWORKS, size)
    spread = _spread(networks, clients, least) if networks is not None else []
    payment_share, _ = _commonest(members.payment)
    one_payer = payment_share >= MOST
    if fresh and spread:
        # a company in the open has a past, and a place it works from
        evidence.append(
            f"{(members.age < FRESH_DAYS).mean():.0%} of the accounts were made less than "
            f"{FRESH_DAYS} days before their first request"
        )
    elif private and (one_payer or "payment_fingerprint" not in population.available):
        open_structure.append(
            f"{domain_share:.0%} of the accounts use one e-mail domain that nobody else uses"
            + (f" and {payment_share:.0%} pay by one means" if one_payer else "")
        )
    elif one_payer and "email_domain" not in population.available:
        open_structure.append(f"{payment_share:.0%} of the accounts pay by one means")
    if not open_structure:
        evidence += _separate_registrations(members, size)
        evidence += spread
    judged = declared or bool(open_structure or evidence)
    return Concealment(tuple(open_structure), tuple(evidence), judged or networks is not None)


def _alike(codes: Ints) -> Ints:
    """How many entries are the same as each."""
    _, place, counts = coded(codes)
    found: Ints = counts[place]
    return found


def codes_of(keys: Ints) -> Ints | None:
    """Keys as codes from 0, -1 where unknown; None where none is known."""
    if not (keys != -1).any():
        return None
    _, codes = np.unique(keys, return_inverse=True)
    return np.where(keys == -1, -1, codes)


def _separate_registrations(members: Traits, size: int) -> list[str]:
    found = []
    if _known(members.domain) >= MIN_KNOWN:
        domains = len(np.unique(members.domain[members.domain >= 0]))
        if domains > 1:
            found.append(
                f"{size} accounts that act as one are registered under {domains} e-mail domains, "
                "with no organisation in common"
            )
    if _known(members.payment) >= MIN_KNOWN:
        payers = len(np.unique(members.payment[members.payment >= 0]))
        if payers > 1:
            found.append(f"they pay by {payers} different means")
    declared = members.organization[(members.organization >= 0) & (members.organization < _LISTED)]
    if len(np.unique(declared)) > 1:
        found.append(f"they declare {len(np.unique(declared))} different organisations")
    return found


def _spread(networks: Ints, clients: Ints | None, least: int) -> list[str]:
    known = networks[networks >= 0]
    if len(known) < MIN_KNOWN * len(networks):
        return []
    distinct = len(np.unique(known))
    if distinct < least:
        return []
    text = f"one stream of requests comes from {distinct} networks"
    if clients is not None:
        share, _ = _commonest(clients)
        if share >= MOST:
            text += f" through one client program ({share:.0%} of the requests)"
    return [text]


def _known_ages(age: NDArray[np.float64]) -> bool:
    return len(age) > 0 and float(np.isfinite(age).mean()) >= MIN_KNOWN


def _known(codes: Ints) -> float:
    return float((codes >= 0).mean()) if len(codes) else 0.0


def _commonest(codes: Ints) -> tuple[float, int]:
    """Share of all entries that have the commonest known code, and the code."""
    known = codes[codes >= 0]
    if not len(known):
        return 0.0, -1
    values, counts = np.unique(known, return_counts=True)
    i = int(counts.argmax())
    return float(counts[i] / len(codes)), int(values[i])
