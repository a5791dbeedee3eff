"""Which case is this campaign? The same operator next week keeps its identity.

A campaign is matched by its name, by members that it shares with a case, by rare tokens (payment,
client, network) and by prompt families. Members and tokens are strong; wording alone links two
cases for an investigator to look at, because a template can be copied.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from stillwatch.cases.accounts import chunks
from stillwatch.cases.models import Case, Member, Trait
from stillwatch.cases.traits import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from stillwatch.cases.traits import Shared

SAME_MEMBERS = 0.2
"""Share of the smaller group that both must have to be one operator's: accounts join a campaign on
their own evidence only, so a fifth in common is no accident."""

SAME_TOKENS = 2
"""Payment or client tokens that both must have: one may have been sold on. Networks do not count:
a proxy service rents them to anybody."""

STRONG_TOKENS = frozenset({"payment", "client"})

SAME_FAMILIES = 3
"""Prompt families, of different kinds, that no outsider sent in either scan: with one token in
common they are the same operator, without one they are a link."""


@dataclass(frozen=True, slots=True)
class Match:
    """How much a campaign has in common with a case."""

    case_id: int
    named: bool
    members: int
    smaller: int
    tokens: int
    families: int
    networks: int

    @property
    def same(self) -> bool:
        """Whether it is the same operator."""
        return (
            self.named
            or self.members >= max(1, SAME_MEMBERS * self.smaller)
            or self.tokens >= SAME_TOKENS
            or (self.families >= SAME_FAMILIES and self.tokens >= 1)
        )

    @property
    def linked(self) -> bool:
        """Whether an investigator should look at both."""
        return bool(self.members or self.tokens or self.networks or self.families >= SAME_FAMILIES)

    @property
    def strength(self) -> tuple[bool, int, int, int]:
        """Order of matches, the strongest last."""
        return self.named, self.members, self.tokens, self.families

    @property
    def why(self) -> str:
        """In words, for the case's history."""
        parts = []
        if self.members:
            parts.append(f"{self.members} accounts in common")
        if self.tokens:
            parts.append(f"{self.tokens} payment or client tokens in common")
        if self.networks:
            parts.append(f"{self.networks} networks in common")
        if self.families:
            parts.append(f"{self.families} kinds of prompt family in common")
        return ", ".join(parts) or "the same campaign id"


def matches(
    session: Session, campaign_id: str, members: Sequence[str], shared: Sequence[Shared]
) -> list[Match]:
    """Cases that have something in common with a campaign, the strongest first."""
    named = set(session.execute(select(Case.id).where(Case.campaign_id == campaign_id)).scalars())
    common: Counter[int] = Counter()
    for chunk in chunks(members):
        common.update(
            session.execute(select(Member.case_id).where(Member.account_id.in_(chunk))).scalars()
        )
    tokens, networks, families = _common_traits(session, shared)
    ids = named | set(common) | set(tokens) | set(networks) | set(families)
    sizes = dict(session.execute(select(Case.id, Case.accounts).where(Case.id.in_(ids))).all())
    found = [
        Match(
            case_id=case_id,
            named=case_id in named,
            members=common[case_id],
            smaller=min(len(members), sizes[case_id]),
            tokens=tokens[case_id],
            families=families[case_id],
            networks=networks[case_id],
        )
        for case_id in sorted(ids)
    ]
    return sorted(found, key=lambda match: match.strength, reverse=True)


def _common_traits(
    session: Session, shared: Sequence[Shared]
) -> tuple[Counter[int], Counter[int], Counter[int]]:
    """Strong tokens, networks, and kinds of exclusive family in common, by case."""
    wanted = [(one.kind, one.key) for one in shared if one.kind not in FAMILIES or not one.others]
    tokens: Counter[int] = Counter()
    networks: Counter[int] = Counter()
    kinds: dict[int, set[str]] = {}
    for chunk in chunks(wanted):
        rows = session.execute(
            select(Trait.case_id, Trait.kind, Trait.others).where(
                tuple_(Trait.kind, Trait.key).in_(chunk)
            )
        )
        for case_id, kind, others in rows:
            if kind in STRONG_TOKENS:
                tokens[case_id] += 1
            elif kind not in FAMILIES:
                networks[case_id] += 1
            elif not others:
                kinds.setdefault(case_id, set()).add(kind)
    families = Counter({case_id: len(found) for case_id, found in kinds.items()})
    return tokens, networks, families
