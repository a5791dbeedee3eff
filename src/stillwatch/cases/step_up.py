"""What partners' indicators ask for, proposed to people: nobody is asked to verify unseen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select

from stillwatch.cases.accounts import chunks
from stillwatch.cases.actors import Actor, Permission
from stillwatch.cases.measures import EXPIRED, pending, record_decision
from stillwatch.cases.models import Account, Decision, DecisionState, Measure, MeasureState
from stillwatch.standing import Action

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Storage, Unit
    from stillwatch.standing import Standing

SOURCE = "import:"
"""How the authors of what partners ask for begin."""

NAMED = 3
"""Reasons that a proposal quotes."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What became of the accounts.

    Attributes:
        decisions: that wait for approval.
        accounts: whom they would ask.
        known: accounts that the same source had proposed before.
        unknown: accounts that the database lacks, or that were deleted or cleared.
        unasked: earlier decisions in force or waiting, with accounts that nobody asks for any more:
            a source revoked what it shared, was muted, or the accounts ceased to show it.
        no_longer: these accounts.
    """

    decisions: tuple[int, ...]
    accounts: int
    known: int
    unknown: int
    unasked: tuple[int, ...] = ()
    no_longer: int = 0


def propose_step_up(storage: Storage, asked: Sequence[Standing]) -> Proposed:
    """Propose decisions, one a source and end, that somebody has to approve.

    What is not asked for any more is named and stays until a person undoes it: the log that was
    looked at may have been another one.

    Args:
        storage: the database.
        asked: `standing.load_step_up`.
    """

    def source(standing: Standing) -> tuple[str, datetime | None]:
        return standing.author, standing.expires_at

    made: list[int] = []
    accounts = known = unknown = 0
    for (author, expires_at), group in groupby(sorted(asked, key=_order), key=source):
        standings = {standing.account_id: standing for standing in group}
        actor = Actor(author, frozenset({Permission.IMPORT}))
        with storage.write(actor) as unit:
            living, before = _living(unit.session, [*standings]), _before(unit.session, author)
            fresh = sorted(living - before)
            known += len(living & before)
            unknown += len(standings) - len(living)
            if fresh and (expires_at is None or expires_at > unit.now):
                made.append(_propose(unit, [standings[name] for name in fresh], expires_at))
                accounts += len(fresh)
    with storage.read() as session:
        left = _left(session, {standing.account_id for standing in asked})
    return Proposed(
        tuple(made), accounts, known, unknown, tuple(sorted(left)), len(set().union(*left.values()))
    )


def _left(session: Session, asked: set[str]) -> dict[int, set[str]]:
    """By decision of a partner's indicators, accounts that it holds and nobody asks for."""
    query = (
        select(Measure.decision_id, Measure.account_id)
        .join(Decision, Decision.id == Measure.decision_id)
        .where(
            Decision.author.startswith(SOURCE, autoescape=True),
            Decision.action == Action.VERIFY,
            Measure.state.in_((MeasureState.PENDING, MeasureState.APPLIED)),
        )
    )
    found: defaultdict[int, set[str]] = defaultdict(set)
    for decision, account in session.execute(query):
        if account not in asked:
            found[decision].add(account)
    return found


def _order(standing: Standing) -> tuple[str, str, str]:
    return standing.author, str(standing.expires_at), standing.account_id


def _living(session: Session, names: list[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(names):
        query = select(Account.account_id).where(
            Account.account_id.in_(chunk),
            Account.deleted_at.is_(None),
            Account.cleared_at.is_(None),
        )
        found.update(session.execute(query).scalars())
    return found


def _before(session: Session, author: str) -> set[str]:
    """Accounts about which a source was heard, also if somebody said no; but for what expired."""
    query = (
        select(Measure.account_id)
        .join(Decision, Decision.id == Measure.decision_id)
        .where(
            Decision.author == author,
            or_(Measure.ended_why.is_(None), Measure.ended_why != EXPIRED),
        )
    )
    return set(session.execute(query).scalars())


def _propose(unit: Unit, standings: list[Standing], expires_at: datetime | None) -> int:
    reasons = sorted({standing.reason for standing in standings})
    more = f"; and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    decision = Decision(
        action=Action.VERIFY,
        reason="; ".join(reasons[:NAMED]) + more,
        notice=standings[0].notice,
        state=DecisionState.PROPOSED,
        author=unit.actor.name,
        created_at=unit.now,
        expires_at=expires_at,
        needs_approval=True,
        targets=len(standings),
    )
    unit.session.add(decision)
    unit.session.flush()
    rows = [pending(decision, standing.account_id) for standing in standings]
    unit.session.execute(insert(Measure), rows)
    record_decision(unit, decision, "decision.propose")
    return decision.id
