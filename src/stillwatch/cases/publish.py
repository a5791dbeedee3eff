"""What is in force, as the snapshot that the guard reads."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import suppress
from datetime import datetime  # noqa: TC003 - a named tuple reads its annotations
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import or_, select

from stillwatch.cases.errors import UnavailableError
from stillwatch.cases.keys import customer_link
from stillwatch.cases.models import (
    UNVERIFIED,
    Account,
    Case,
    CaseStatus,
    Decision,
    Head,
    Measure,
    MeasureState,
    Scan,
    Trait,
)
from stillwatch.schema import TEMPLATE_KEYS, Verdict
from stillwatch.standing import Action, KnownCampaign, Snapshot, Standing, write_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from stillwatch.cases.storage import Storage

POLL_SECONDS = 0.5
"""How often a publisher looks for a new revision: what is decided is in force within a second."""


class _InForce(NamedTuple):
    action: Action
    reason: str
    notice: str
    author: str
    approved_by: str
    since: datetime | None
    expires_at: datetime | None


def snapshot(session: Session, storage: Storage) -> Snapshot:
    """Everything in force at this moment.

    Args:
        session: one read transaction; the snapshot's sequence is its revision.
        storage: for the clock and the key.
    """
    revision = session.execute(select(Head.revision)).scalar_one()
    scan = session.execute(
        select(Scan.as_of, Scan.key_fingerprint).order_by(Scan.id.desc()).limit(1)
    ).first()
    return Snapshot(
        sequence=revision,
        as_of=scan.as_of if scan else None,
        key_fingerprint=scan.key_fingerprint if scan else "",
        standings=_standings(session, storage),
        campaigns=_campaigns(session),
    )


def _standings(session: Session, storage: Storage) -> tuple[Standing, ...]:
    measures = _measures(session, storage.clock())
    campaigns = dict(
        session.execute(
            select(Case.id, Case.campaign_id).where(Case.status != CaseStatus.DISMISSED)
        ).all()
    )
    rows = session.execute(
        select(
            Account.account_id,
            Account.verdict,
            Account.case_id,
            Account.organization_id,
            Account.level,
            Account.link_epoch,
            Account.cleared_at,
        )
        .where(
            Account.deleted_at.is_(None),
            or_(
                Account.action != Action.ALLOW,
                Account.case_id.is_not(None),
                Account.organization_id.is_not(None),
                Account.level != UNVERIFIED,
            ),
        )
        .order_by(Account.account_id)
    )
    found = []
    for row in rows:
        force = measures.get(row.account_id)
        cleared = row.cleared_at is not None
        extra = force._asdict() if force else {}
        if force:
            extra["link"] = customer_link(storage.key, row.account_id, row.link_epoch)
        found.append(
            Standing(
                account_id=row.account_id,
                verdict=Verdict(row.verdict) if row.verdict and not cleared else None,
                campaign_id=None if cleared else campaigns.get(row.case_id or 0),
                organization_id=row.organization_id,
                verification_level=None if row.level == UNVERIFIED else row.level,
                **extra,
            )
        )
    return tuple(found)


def _measures(session: Session, now: datetime) -> dict[str, _InForce]:
    """The strictest measure of each account, with the decision behind it."""
    rows = session.execute(
        select(
            Measure.account_id,
            Measure.action,
            Measure.since,
            Measure.expires_at,
            Decision.reason,
            Decision.notice,
            Decision.author,
            Decision.approved_by,
        )
        .join(Decision, Decision.id == Measure.decision_id)
        .where(
            Measure.state == MeasureState.APPLIED,
            or_(Measure.expires_at.is_(None), Measure.expires_at > now),
        )
        .order_by(Measure.id)
    )
    best: dict[str, _InForce] = {}
    for row in rows:
        action = Action(row.action)
        known = best.get(row.account_id)
        if known is None or action.severity > known.action.severity:
            best[row.account_id] = _InForce(
                action,
                row.reason,
                row.notice,
                row.author,
                row.approved_by or "",
                row.since,
                row.expires_at,
            )
    return best


def _campaigns(session: Session) -> tuple[KnownCampaign, ...]:
    """Campaigns with what only their members have; what an outsider shares marks nobody."""
    traits: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    exclusive = select(Trait.case_id, Trait.kind, Trait.key).where(Trait.others == 0)
    for case_id, kind, key in session.execute(exclusive.order_by(Trait.kind, Trait.key)):
        traits[case_id][kind].append(key)
    cases = session.execute(
        select(Case.id, Case.campaign_id, Case.verdict, Case.accounts)
        .where(Case.status != CaseStatus.DISMISSED)
        .order_by(Case.campaign_id)
    )
    return tuple(
        KnownCampaign(
            campaign_id=case.campaign_id,
            verdict=Verdict(case.verdict),
            families=tuple((kind, key) for kind in TEMPLATE_KEYS for key in traits[case.id][kind]),
            payments=tuple(traits[case.id]["payment"]),
            networks=tuple(traits[case.id]["network"]),
            clients=tuple(traits[case.id]["client"]),
            accounts=case.accounts,
        )
        for case in cases
    )


class Publisher:
    """Keeps a snapshot file up to date with the database.

    Each replica may run one: the sequence comes from the database, so all write the same file.

    Args:
        storage: where the decisions are.
        path: the snapshot's file.
    """

    def __init__(self, storage: Storage, path: Path) -> None:
        self._storage = storage
        self._path = path
        self._published = -1
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(self) -> Snapshot | None:
        """Write the snapshot if what is in force changed since this publisher's last one.

        Raises:
            UnavailableError: the database cannot be reached; the old file stays in force.
        """
        with self._storage.read() as session:
            revision = session.execute(select(Head.revision)).scalar_one()
            if revision == self._published:
                return None
            taken = snapshot(session, self._storage)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_snapshot(taken, self._path)
        self._published = taken.sequence
        return taken

    def start(self) -> None:
        """Publish from now on, in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Publish what is left and end the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            with suppress(UnavailableError):
                self.publish()
        with suppress(UnavailableError):
            self.publish()
