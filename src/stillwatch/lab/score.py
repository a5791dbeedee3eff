"""How well a scan's verdicts agree with the truth, group by group."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.schema import ACCOUNT_VERDICTS, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_Record = dict[str, Any]

ACCOUNTS_FILE = "accounts.parquet"
HEADINGS = (
    "group", "kind", "accounts", "missing", *(str(verdict) for verdict in Verdict), "as expected",
    "recall", "accused",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """One group of the scenario.

    Attributes:
        group, kind: as in the truth.
        accounts: of the group.
        missing: accounts without a verdict.
        verdicts: accounts by verdict.
        expected: accounts whose verdict is one of the right ones.
    """

    group: str
    kind: str
    accounts: int
    missing: int
    verdicts: Mapping[str, int]
    expected: int

    @property
    def accused(self) -> int:
        """Accounts called ``distillation``."""
        return self.verdicts.get(Verdict.DISTILLATION, 0)

    @property
    def recall(self) -> float | None:
        """Share of a campaign group's accounts called ``distillation``; None for other groups."""
        return self.accused / self.accounts if self.kind == "campaign" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignScore:
    """One true campaign.

    Attributes:
        campaign, group: as in the truth.
        accounts: its members.
        recall: share of them called ``distillation``.
        pieces: found campaigns with at least two of its members (one, if it has only one).
        largest: share of its members in the largest piece.
    """

    campaign: str
    group: str
    accounts: int
    recall: float
    pieces: int
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundScore:
    """One found campaign (verdict ``distillation``).

    Attributes:
        campaign_id: as the scan names it.
        accounts: its members.
        campaign: the true campaign that most members are from; None if most are from none.
        purity: share of members from that campaign.
        innocent: members that are in no true campaign.
    """

    campaign_id: str
    accounts: int
    campaign: str | None
    purity: float
    innocent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Agreement of a result with the truth.

    Attributes:
        groups: in alphabetical order, campaigns last.
        campaigns: the true ones, by name.
        found: the found ones, by name.
        unknown: accounts with a verdict that the truth does not know.
    """

    groups: tuple[GroupScore, ...]
    campaigns: tuple[CampaignScore, ...]
    found: tuple[FoundScore, ...]
    unknown: int

    @property
    def accused(self) -> int:
        """Accounts outside all campaigns that are called ``distillation``."""
        return sum(group.accused for group in self.groups if group.kind != "campaign")

    def table(self) -> list[dict[str, str | int | float | None]]:
        """A row a group with the columns `HEADINGS`; every group is shown, also the bad ones."""
        rows: list[dict[str, str | int | float | None]] = []
        for group in self.groups:
            recall = None if group.recall is None else round(group.recall, 4)
            values = (
                group.group, group.kind, group.accounts, group.missing,
                *(group.verdicts.get(verdict, 0) for verdict in Verdict),
                round(group.expected / group.accounts, 4), recall,
                None if group.kind == "campaign" else group.accused,
            )  # fmt: skip
            rows.append(dict(zip(HEADINGS, values, strict=True)))
        return rows


def score(truth: Path, result_dir: Path) -> Score:
    """Compare a scan's result with the truth of the simulation that it scanned.

    Args:
        truth: the simulation's ``truth.parquet``, or the folder that holds it.
        result_dir: the folder that the scan wrote ``accounts.parquet`` to.

    Raises:
        InputError: a file is missing or is not what it should be.
    """
    known = _read(
        truth / "truth.parquet" if truth.is_dir() else truth,
        ("group", "kind", "campaign", "expected"),
    )
    given = _read(result_dir / ACCOUNTS_FILE, ACCOUNT_VERDICTS.names)
    verdicts = {row["account_id"]: row for row in given}
    return Score(
        groups=_groups(known, verdicts),
        campaigns=_campaigns(known, verdicts),
        found=_found(known, verdicts),
        unknown=len(verdicts.keys() - {row["account_id"] for row in known}),
    )


def _read(path: Path, columns: Iterable[str]) -> list[_Record]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be read as Parquet ({error})", file=str(path)) from error
    for name in ("account_id", *columns):
        if name not in table.column_names:
            raise InputError("lacks a column", file=str(path), field=name)
    rows: list[_Record] = table.to_pylist()
    return rows


def _by(rows: Iterable[_Record], field: str) -> dict[Any, list[_Record]]:
    parts: dict[Any, list[_Record]] = defaultdict(list)
    for row in rows:
        parts[row[field]].append(row)
    return parts


def _groups(known: list[_Record], verdicts: Mapping[str, _Record]) -> tuple[GroupScore, ...]:
    scores = []
    for name, rows in _by(known, "group").items():
        got = [(row, verdicts[row["account_id"]]) for row in rows if row["account_id"] in verdicts]
        scores.append(
            GroupScore(
                group=name,
                kind=rows[0]["kind"],
                accounts=len(rows),
                missing=len(rows) - len(got),
                verdicts=Counter(given["verdict"] for _, given in got),
                expected=sum(given["verdict"] in row["expected"] for row, given in got),
            )
        )
    return tuple(sorted(scores, key=lambda one: (one.kind == "campaign", one.group)))


def _accusing(verdicts: Mapping[str, _Record]) -> dict[str, str]:
    """Accused account to found campaign; an account accused without one stands for itself."""
    return {
        account: row["campaign_id"] or account
        for account, row in verdicts.items()
        if row["verdict"] == Verdict.DISTILLATION
    }


def _campaigns(known: list[_Record], verdicts: Mapping[str, _Record]) -> tuple[CampaignScore, ...]:
    accused = _accusing(verdicts)
    scores = []
    for name, rows in _by(known, "campaign").items():
        if name is None:
            continue
        members = [row["account_id"] for row in rows]
        pieces = Counter(accused[account] for account in members if account in accused)
        scores.append(
            CampaignScore(
                campaign=name,
                group=rows[0]["group"],
                accounts=len(members),
                recall=pieces.total() / len(members),
                pieces=sum(size >= min(2, len(members)) for size in pieces.values()),
                largest=max(pieces.values(), default=0) / len(members),
            )
        )
    return tuple(sorted(scores, key=lambda one: one.campaign))


def _found(known: list[_Record], verdicts: Mapping[str, _Record]) -> tuple[FoundScore, ...]:
    origin = {row["account_id"]: row["campaign"] for row in known}
    members: dict[str, list[str | None]] = defaultdict(list)
    for account, found in _accusing(verdicts).items():
        members[found].append(origin.get(account))
    scores = []
    for name, origins in sorted(members.items()):
        # Names break ties, so that the score does not depend on the order of accounts.
        campaign, size = max(Counter(origins).items(), key=lambda pair: (pair[1], str(pair[0])))
        scores.append(
            FoundScore(
                campaign_id=name,
                accounts=len(origins),
                campaign=campaign,
                purity=size / len(origins) if campaign is not None else 0.0,
                innocent=origins.count(None),
            )
        )
    return tuple(scores)
