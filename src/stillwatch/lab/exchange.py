"""Two providers, one operator: how much earlier does the second act when the first shares?

The operator works the first provider, and some days later the second with the same templates. Both
scan once a day and stop the accounts that they accuse. With sharing, what the first has accused by
the end of a day reaches the second as a package, and whoever shows its indicators there is asked to
verify. Nothing
else passes between them: each has a sketch key of its own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from stillwatch.errors import UsageError
from stillwatch.exchange.collect import Keys, collect
from stillwatch.exchange.matching import match
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.simulate import simulate
from stillwatch.progress import Silent
from stillwatch.readers import open_log
from stillwatch.scanning import scan
from stillwatch.schema import Verdict
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stillwatch.exchange.package import Package
    from stillwatch.progress import Progress, Step

HONEST: dict[str, dict[str, Any]] = {
    "individuals": {"accounts": 150, "per_day": 2.0},
    "popular_app": {"accounts": 30},
    "university_class": {"accounts": 20},
}
"""Who else is there, at either provider."""

OPERATOR = "op-"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is compared.

    Attributes:
        kind: of adversary, as in scenarios.
        accounts: of the operator, at both providers together.
        second_share: share of them at the second provider.
        per_day: requests of an account and day.
        days: of work at each.
        delay: days after which the second provider's turn comes.
        passing: share of the operator's accounts that pass verification.
        seed: of everything.
    """

    kind: str = "cover_traffic"
    accounts: int = 80
    second_share: float = 0.25
    per_day: float = 10.0
    days: int = 9
    delay: int = 4
    passing: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What the operator got at one provider.

    Attributes:
        requests: that its accounts would have sent.
        answered: that were answered before anything was done.
        first_action: day of its work, from 1, at whose end it was first acted on; None for never.
        accused, verified: of its accounts, those that a scan accused and those asked to verify.
        honest_accused, honest_verified: the same of honest accounts.
    """

    requests: int
    answered: int
    first_action: int | None
    accused: int
    verified: int
    honest_accused: int
    honest_verified: int

    @property
    def leakage(self) -> float:
        """Share of the requests that were answered."""
        return self.answered / max(self.requests, 1)


@dataclass(frozen=True)
class Comparison:
    """The first provider, and the second without and with what the first shares."""

    plan: Plan
    first: Outcome
    alone: Outcome
    sharing: Outcome

    def values(self) -> dict[str, Any]:
        """As plain values."""
        named = {"first": self.first, "alone": self.alone, "sharing": self.sharing}
        return {"plan": asdict(self.plan)} | {
            name: asdict(outcome) | {"leakage": round(outcome.leakage, 4)}
            for name, outcome in named.items()
        }


def compare(plan: Plan, out: Path, progress: Progress | None = None) -> Comparison:
    """Play both providers through, the second twice.

    Args:
        plan: what is compared.
        out: folder for logs and scans.
        progress: shows the days.

    Raises:
        UsageError: the plan makes no sense.
    """
    if not 0 < plan.second_share < 1 or plan.delay < 0 or plan.days < 1:
        raise UsageError("a share lies between 0 and 1, and days are positive")
    progress = progress or Silent()
    one, two = _worlds(plan, out)
    with progress.step("playing two providers", 3 * (plan.days + plan.delay)) as step:
        first = Provider(out / "first", one, b"\x0a", plan)
        packages: dict[int, tuple[Package, ...]] = {}
        for day in range(1, plan.days + plan.delay + 1):
            first.day(day)
            packages[day] = first.packages(day)
            step.advance()
        alone = Provider(out / "alone", two, b"\x0b", plan)
        _play(alone, {}, step)
        sharing = Provider(out / "sharing", two, b"\x0b", plan)
        _play(sharing, packages, step)
    return Comparison(
        plan, first.outcome(0), alone.outcome(plan.delay), sharing.outcome(plan.delay)
    )


def _play(provider: Provider, packages: dict[int, tuple[Package, ...]], step: Step) -> None:
    for day in range(1, provider.plan.days + provider.plan.delay + 1):
        provider.day(day)
        provider.step_up(day, packages.get(day, ()))
        step.advance()


@dataclass(frozen=True)
class World:
    """A provider's requests by time, as JSON rows, and its accounts."""

    rows: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    start: datetime


def _worlds(plan: Plan, out: Path) -> tuple[World, World]:
    """Both providers' logs, as if nobody acted."""
    days = plan.days + plan.delay
    honest = [
        _simulated(Scenario(days=days, groups=HONEST), out / name, plan.seed + i)
        for i, name in ((1, "honest-first"), (2, "honest-second"))
    ]
    group = {"operator": {"kind": plan.kind, "accounts": plan.accounts, "per_day": plan.per_day}}
    made = _simulated(Scenario(days=plan.days, groups=group), out / "operator", plan.seed)
    second = {
        row["account_id"]
        for row in made.accounts
        if _fraction(f"where {plan.seed} {row['account_id']}") < plan.second_share
    }
    parts = [
        _part(made, lambda account: account not in second, timedelta()),
        _part(made, lambda account: account in second, timedelta(days=plan.delay)),
    ]
    one, two = (
        World(
            sorted([*h.rows, *p.rows], key=lambda row: (row["timestamp"], row["request_id"])),
            [*h.accounts, *p.accounts],
            h.start,
        )
        for h, p in zip(honest, parts, strict=True)
    )
    return one, two


def _simulated(scenario: Scenario, folder: Path, seed: int) -> World:
    made = simulate(scenario, folder, seed=seed)
    return World(_lines(made.log), _lines(made.accounts), scenario.start)


def _part(world: World, chosen: Any, later: timedelta) -> World:
    """Some of the operator's accounts, named apart from everybody else, at a later time."""
    rows = [
        row
        | {
            "account_id": OPERATOR + row["account_id"],
            "request_id": OPERATOR + row["request_id"],
            "timestamp": (_moment(row) + later).isoformat(),
        }
        for row in world.rows
        if chosen(row["account_id"])
    ]
    accounts = [
        row | {"account_id": OPERATOR + row["account_id"]}
        for row in world.accounts
        if chosen(row["account_id"])
    ]
    return World(rows, accounts, world.start)


class Provider:
    """A provider that scans once a day and stops whom it accuses.

    Args:
        folder: for its logs and scans.
        world: who would send what.
        key: of its sketches, one byte.
        plan: what is compared.
    """

    def __init__(self, folder: Path, world: World, key: bytes, plan: Plan) -> None:
        self.plan, self._world, self._folder = plan, world, folder
        self._keys = Keys(SketchKey(key * 32), SketchKey(b"\x77" * 32))
        self._stopped: dict[str, int] = {}
        self._accused: set[str] = set()
        self._verified: dict[str, int] = {}
        self._answered: list[dict[str, Any]] = []
        self._acted: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "accounts.jsonl", world.accounts)

    def day(self, day: int) -> None:
        """Answer a day's requests, scan all so far, and stop the accused."""
        begin = self._world.start + timedelta(days=day - 1)
        end = begin + timedelta(days=1)
        today = [
            row
            for row in self._world.rows
            if begin <= _moment(row) < end and row["account_id"] not in self._stopped
        ]
        self._answered += today
        _write(self._folder / f"day-{day:03}.jsonl", today)
        found = scan(
            [self._folder / f"day-{day:03}.jsonl"],
            accounts=self._folder / "accounts.jsonl",
            out=self._folder / "scan",
            key=self._keys.own,
            append=day > 1,
        )
        accused = pc.equal(found.accounts.column("verdict"), str(Verdict.DISTILLATION))
        for account in found.accounts.filter(accused).column("account_id").to_pylist():
            if account not in self._stopped:
                self._stopped[account] = day
                self._accused.add(account)
                self._acted.append(day)

    def packages(self, day: int) -> tuple[Package, ...]:
        """What the provider shares of what it has accused by the end of a day."""
        from stillwatch.findings import load_findings  # noqa: PLC0415

        folder = self._folder / "scan"
        made = []
        for campaign in load_findings(folder / "campaigns.json").campaigns:
            try:
                package = collect(
                    folder,
                    campaign.campaign_id,
                    open_log([str(path) for path in sorted(self._folder.glob("day-*.jsonl"))]),
                    self._keys,
                    source="first.example",
                    name=f"k-{campaign.campaign_id}",
                    tlp="TLP:AMBER",
                    now=self._end(day),
                )
            except UsageError:
                continue  # not accused, or too small to share
            made.append(package)
        return tuple(made)

    def step_up(self, day: int, packages: Iterable[Package]) -> None:
        """Ask those to verify who show imported indicators; who fails is stopped."""
        log = open_log([str(path) for path in sorted(self._folder.glob("day-*.jsonl"))])
        found = match(
            (batch.requests for batch in log), tuple(packages), self._keys, self._end(day)
        )
        for standing in found.step_up(self._end(day)):
            account = standing.account_id
            if account in self._verified or account in self._stopped:
                continue
            self._verified[account] = day
            guilty = account.startswith(OPERATOR)
            if guilty and _fraction(f"passes {self.plan.seed} {account}") >= self.plan.passing:
                self._stopped[account] = day
                self._acted.append(day)

    def outcome(self, delay: int) -> Outcome:
        """What the operator got here, days counted from the beginning of its work."""
        sent = sum(row["account_id"].startswith(OPERATOR) for row in self._world.rows)
        got = sum(row["account_id"].startswith(OPERATOR) for row in self._answered)
        guilty_days = [
            day for account, day in self._stopped.items() if account.startswith(OPERATOR)
        ]
        return Outcome(
            requests=sent,
            answered=got,
            first_action=min(guilty_days) - delay if guilty_days else None,
            accused=_guilty(self._accused),
            verified=_guilty(self._verified),
            honest_accused=len(self._accused) - _guilty(self._accused),
            honest_verified=len(self._verified) - _guilty(self._verified),
        )

    def _end(self, day: int) -> datetime:
        return self._world.start + timedelta(days=day)


def _guilty(accounts: Iterable[str]) -> int:
    return sum(account.startswith(OPERATOR) for account in accounts)


def _fraction(text: str) -> float:
    """A number in [0, 1) from a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def _moment(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["timestamp"])


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return [json.loads(line) for line in file]


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
