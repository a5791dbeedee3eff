"""How well the sign-up score does: the lab's accounts register again, in their order.

What a provider would send at registration is taken from the account file that `simulate` wrote.
Levels beyond e-mail count as a step-up. A campaign that was found and decided about is known from
that day on, if a scan is given; without one, nothing is known of anybody.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from stillwatch.cases import Storage
from stillwatch.cases.actors import system
from stillwatch.cases.registration import Registration
from stillwatch.cases.signup_tokens import Tokeniser
from stillwatch.cases.signups import score
from stillwatch.progress import Silent
from stillwatch.readers import read_accounts

if TYPE_CHECKING:
    from stillwatch.progress import Progress
    from stillwatch.sketch import SketchKey

BATCH = 200
ASKED = ("phone", "payment", "organisation")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSignups:
    """One group of the scenario.

    Attributes:
        group, kind: its name, and what its accounts are.
        accounts: how many registered.
        levels: how many were asked for which level.
        first: registrations until the first one that was asked for more than e-mail; None where
            none was.
    """

    group: str
    kind: str
    accounts: int
    levels: dict[str, int]
    first: int | None

    @property
    def asked(self) -> int:
        """Accounts that were asked for more than e-mail."""
        return sum(self.levels.get(level, 0) for level in ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupScore:
    """The groups, honest ones first; those of campaigns with the campaign in their kind."""

    groups: tuple[GroupSignups, ...]

    def share(self, *, campaigns: bool) -> tuple[int, int]:
        """Accounts asked for more than e-mail, and all accounts, of campaigns or of the rest."""
        chosen = [one for one in self.groups if (one.kind == "campaign") == campaigns]
        return sum(one.asked for one in chosen), sum(one.accounts for one in chosen)


def score_signups(
    provider: Path, *, key: SketchKey, progress: Progress | None = None
) -> SignupScore:
    """Register every account of a simulated provider, in the order of its creation.

    Args:
        provider: the folder that `simulate` wrote.
        key: of the tokens.
        progress: shows the steps.

    Raises:
        InputError: the folder lacks the files.
    """
    progress = progress or Silent()
    truth = pq.read_table(provider / "truth.parquet").to_pylist()
    group = {row["account_id"]: (row["group"], _kind(row)) for row in truth}
    accounts = read_accounts(provider / "accounts.jsonl").table.to_pylist()
    accounts.sort(key=lambda row: (row["created_at"], row["account_id"]))
    levels: dict[tuple[str, str], Counter[str]] = {}
    first: dict[tuple[str, str], int] = {}
    tokeniser = Tokeniser(key)
    with (
        tempfile.TemporaryDirectory() as folder,
        progress.step("registering", len(accounts)) as step,
    ):
        storage = Storage(str(Path(folder) / "signups.db"), key=key)
        storage.migrate()
        for start in range(0, len(accounts), BATCH):
            with storage.write(system("lab")) as unit:
                for row in accounts[start : start + BATCH]:
                    registration = _registration(row)
                    answer = score(unit, registration, tokeniser.tokens(registration))
                    name = group[row["account_id"]]
                    mine = levels.setdefault(name, Counter())
                    mine[answer.level] += 1
                    if answer.level in ASKED:
                        first.setdefault(name, mine.total())
            step.advance(len(accounts[start : start + BATCH]))
        storage.close()
    return SignupScore(
        groups=tuple(
            GroupSignups(
                group=name,
                kind=kind,
                accounts=found.total(),
                levels=dict(found),
                first=first.get((name, kind)),
            )
            for (name, kind), found in sorted(
                levels.items(), key=lambda item: (item[0][1] == "campaign", item[0])
            )
        )
    )


def _kind(row: dict[str, object]) -> str:
    return "campaign" if row["campaign"] else str(row["kind"])


def _registration(row: dict[str, object]) -> Registration:
    """What the account file knows of a registration; what kind of network it was, it does not."""
    return Registration(
        reference=str(row["account_id"]),
        email=_text(row["email_domain"]),
        payment_fingerprint=_text(row["payment_fingerprint"]),
        address=_text(row["signup_address"]),
        organization_id=_text(row["organization_id"]),
        at=row["created_at"],  # type: ignore[arg-type]
    )


def _text(value: object) -> str | None:
    return str(value) if value is not None else None
