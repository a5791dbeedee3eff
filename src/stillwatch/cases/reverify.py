"""Verify again when a trait changes in bulk: accounts that are sold change hands together.

One account that changes its card says nothing. Several that change to the same card, mail domain or
network between two account files are asked to verify again, and what they had proved about it no
longer counts. A declared organisation explains such a change away.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from stillwatch.cases import verification
from stillwatch.cases.accounts import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stillwatch.cases.models import Account
    from stillwatch.cases.storage import Unit

TOGETHER = 5
"""Accounts that change to one value: a family shares a card, a shop of five people is declared."""

TRAITS = {"payment": "payment", "email_domain": "email", "network": "network"}


class Change(NamedTuple):
    """A trait of an account that is another one now."""

    account_id: str
    trait: str
    value: object


def changed(account: Account, row: Mapping[str, Any]) -> list[Change]:
    """Traits in which a known account differs from its new row; declared ones are explained."""
    if row.get("organization_id"):
        return []
    return [
        Change(account.account_id, trait, row[trait])
        for trait in TRAITS
        if trait in row
        and getattr(account, trait) is not None
        and row[trait] is not None
        and row[trait] != getattr(account, trait)
    ]


def ask_again(unit: Unit, changes: Iterable[Change]) -> int:
    """Ask accounts that changed a trait together to verify again; returns how many."""
    together: dict[tuple[str, object], list[str]] = defaultdict(list)
    for change in changes:
        together[change.trait, change.value].append(change.account_id)
    asked = 0
    for (trait, _), accounts in together.items():
        if len(accounts) < TOGETHER:
            continue
        why = f"{len(accounts)} accounts changed to one {TRAITS[trait]} together"
        for account_id in sorted(accounts):
            account = find(unit.session, account_id)
            if account.level == "payment" and trait == "payment":
                verification.revoke(unit, account, "payment", why)
            verification.ask(unit, account, reason=why)
            asked += 1
    return asked
