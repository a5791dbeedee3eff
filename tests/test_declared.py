"""The provider's list of declared structure: read, applied to a log, and told."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stillwatch
from stillwatch.campaigns.concealment import Traits, judge_concealment
from stillwatch.declared import MAX_BYTES, cover, load_declared
from stillwatch.errors import InputError
from stillwatch.lab import Scenario, simulate
from stillwatch.schema import ACCOUNTS, Verdict
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stillwatch.lab.simulate import Simulation
    from stillwatch.scanning import Scan

KEY = SketchKey.from_hex("5c" * 32, source="the tests")
LAST = datetime(2026, 5, 20, 14, tzinfo=UTC)
OPEN = ("resale_pool", "agency", "sharded_company")
WORLD = Scenario(
    days=8,
    groups={
        "individuals": {"accounts": 120, "per_day": 2.0},
        "popular_app": {"accounts": 40},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
        "resale_pool": {"accounts": 12, "users": 40},
        "agency": {},
        "sharded_company": {"cards": "own"},
    },
)


def entry(accounts: Iterable[str], *, expires: str = "2099-01-01", reason: str = "known") -> str:
    names = json.dumps(sorted(accounts))
    return (
        f'[[entry]]\nkind = "reseller"\nreason = "{reason}"\nexpires = {expires}\n'
        f"accounts = {names}\n"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate(WORLD, tmp_path_factory.mktemp("world"), seed=0)


@pytest.fixture(scope="module")
def groups(made: Simulation) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in pq.read_table(made.truth).to_pylist():
        found.setdefault(row["group"], set()).add(row["account_id"])
    return found


def scan(made: Simulation, folder: Path, declared: str | None) -> Scan:
    listed = None
    if declared is not None:
        listed = folder / "declared.toml"
        listed.write_text(declared, encoding="utf-8")
    return stillwatch.scan(
        [made.log], accounts=made.accounts, declarations=listed, out=folder / "out", key=KEY
    )


@pytest.fixture(scope="module")
def bare(made: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return scan(made, tmp_path_factory.mktemp("bare"), None)


def of(found: Scan, accounts: set[str]) -> set[str]:
    return {r["verdict"] for r in found.accounts.to_pylist() if r["account_id"] in accounts}


def test_what_is_declared_is_not_accused_and_the_entry_is_named(
    made: Simulation, groups: dict[str, set[str]], bare: Scan, tmp_path: Path
) -> None:
    assert Verdict.DISTILLATION in of(bare, groups["cover_traffic"])
    listed = (*OPEN, "cover_traffic")
    text = "".join(entry(groups[name], reason=f"<b>{name}</b>") for name in listed)
    found = scan(made, tmp_path, text)
    for name in listed:
        assert of(found, groups[name]) <= {Verdict.CLEAR, Verdict.POOLED}
    for told, name in zip(found.findings.summary.declared, listed, strict=True):
        assert (told.reason, told.accounts) == (f"<b>{name}</b>", len(groups[name]))
        assert told.requests > 0
        assert not told.expired
    covered = set().union(*(groups[name] for name in listed))
    for row in found.accounts.to_pylist():
        said = any(why.startswith("Declared (reseller) until 2099-01-01") for why in row["reasons"])
        assert said == (row["account_id"] in covered)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;agency&lt;/b&gt;" in page
    assert "<b>agency" not in page


def test_an_entry_for_some_members_protects_these_and_not_the_others(
    made: Simulation, groups: dict[str, set[str]], bare: Scan, tmp_path: Path
) -> None:
    members = sorted(groups["cover_traffic"])
    listed, others = set(members[:6]), set(members[6:])
    found = scan(made, tmp_path, entry(listed))
    assert Verdict.DISTILLATION not in of(found, listed)
    assert Verdict.DISTILLATION in of(found, others)


def test_expired_entries_do_nothing_and_are_reported(
    made: Simulation, groups: dict[str, set[str]], bare: Scan, tmp_path: Path
) -> None:
    found = scan(made, tmp_path, entry(groups["cover_traffic"], expires="2001-12-31"))
    assert found.accounts.equals(bare.accounts)
    assert found.findings.campaigns == bare.findings.campaigns
    (told,) = found.findings.summary.declared
    assert (told.expired, told.accounts, told.requests) == (True, 0, 0)
    assert "it did nothing" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def listed(tmp_path: Path, text: str) -> tuple[int, ...]:
    """The entry of accounts a to e, of which c to e have traits."""
    (tmp_path / "list.toml").write_text(text, encoding="utf-8")
    names = pa.table({"account_id": list("abcde")})
    rows = [
        {"account_id": "c", "organization_id": "o"},
        {"account_id": "d", "email_domain": "x.example"},
        {"account_id": "e", "payment_fingerprint": "p"},
        {"account_id": "not in the log", "organization_id": "o"},
    ]
    accounts = pa.Table.from_pylist(rows, schema=ACCOUNTS)
    found = cover(load_declared(tmp_path / "list.toml"), names, accounts, LAST)
    return tuple(found.entry.tolist())


HEAD = '[[entry]]\nkind = "allowed"\nreason = "r"\nexpires = {}\n'


@pytest.mark.parametrize(
    ("body", "covered"),
    [
        ('accounts = ["a", "z"]', (0, -1, -1, -1, -1)),
        ('organization_id = "o"', (-1, -1, 0, -1, -1)),
        ('email_domain = "X.Example"', (-1, -1, -1, 0, -1)),
        ('payment_fingerprint = "p"', (-1, -1, -1, -1, 0)),
        ('accounts = ["b"]\npayment_fingerprint = "p"', (-1, 0, -1, -1, 0)),
    ],
)
def test_entries_name_accounts_by_id_and_by_trait(
    tmp_path: Path, body: str, covered: tuple[int, ...]
) -> None:
    assert listed(tmp_path, HEAD.format("2027-01-01") + body) == covered


def test_an_entry_counts_through_its_last_day_of_the_log(tmp_path: Path) -> None:
    text = HEAD + 'accounts = ["{}"]\n'
    both = text.format("2026-05-19", "a") + text.format("2026-05-20", "b")
    assert listed(tmp_path, both) == (-1, 1, -1, -1, -1)


def test_the_first_entry_in_force_counts(tmp_path: Path) -> None:
    text = HEAD + 'accounts = ["a"]\n'
    several = "".join(text.format(day) for day in ("2020-01-01", "2027-01-01", "2028-01-01"))
    assert listed(tmp_path, several)[0] == 1


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("[[entry]]\nkind = 3", 2, "entry[0].kind", "Expected `str`"),
        (HEAD.format("2027-01-01") + 'accounts=["a"]\n' + '[[entry]]\nkind = "friend"', 7,
         "entry[1].kind", "Invalid enum"),
        ('[[entry]]\nkind = "allowed"\nexpires = 2027-01-01', 1, "entry[0]", "`reason`"),
        ('[[entry]]\nkind = "allowed"\nreason = "r"', 1, "entry[0]", "`expires`"),
        (HEAD.format("2027-01-01"), 1, "entry[0]", "names nobody"),
        (HEAD.format("2027-01-01").replace('"r"', '"  "') + 'accounts = ["a"]', 1, "entry[0]",
         "reason"),
        (HEAD.format('"soon"'), 4, "entry[0].expires", "Invalid RFC3339"),
        (HEAD.format("2027-01-01") + "acounts = []", 5, "entry[0].acounts", "no such key"),
        (HEAD.format("2027-01-01") + "accounts = [7]", 5, "entry[0].accounts[0]", "Expected"),
        ('[entry]\nkind = "allowed"', 1, "entry", "Expected `array`"),
        ("[[entries]]\n", 1, "entries", "no such key"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_line_and_key(
    tmp_path: Path, text: str, line: int, key: str, says: str
) -> None:
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_declared(path)
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), line, key)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"entry = " + b"[" * 100_000,
        b'reason = "' + b"x" * MAX_BYTES + b'"',
        b"[[entry]\n",
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.toml"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_declared(path)
    assert caught.value.file == str(path)


@given(st.text(max_size=200))
def test_no_text_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "list.toml"
    path.write_text(f"{HEAD.format('2027-01-01')}{text}", encoding="utf-8", errors="replace")
    with suppress(InputError):
        load_declared(path)


def test_entries_go_before_what_accounts_declare_and_are_no_evidence() -> None:
    none = np.full(8, -1)
    account = np.arange(8)
    organization = np.array([0, 0, 1, 1, -1, -1, -1, -1])
    traits = Traits(account, organization, none, none, none, none.astype(float), frozenset())
    entries = np.array([5, 5, 5, 5, 5, 6, 6, -1])
    listed = traits.listed(entries)
    assert judge_concealment(account[:5], listed, None, None).open_structure
    mixed = judge_concealment(account, listed, None, None)
    assert (mixed.open_structure, mixed.evidence) == ((), ())
    assert listed.openly_organised(account).tolist() == [True] * 7 + [False]
