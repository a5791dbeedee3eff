from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.lab import score
from stillwatch.lab.score import _found
from stillwatch.lab.simulate import TRUTH_ACCOUNTS
from stillwatch.schema import ACCOUNT_VERDICTS

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.lab import Score

EXPECTED = {
    "honest": ["clear", "inconclusive"],
    "pooled": ["inconclusive", "pooled"],
    "campaign": ["distillation"],
}


def judged(
    folder: Path,
    truth: dict[str, tuple[str, str, str | None]],
    verdicts: dict[str, tuple[str, str | None]],
) -> Score:
    """Score verdict and found campaign by account against group, kind and true campaign."""
    known = [
        {
            "account_id": account,
            "group": group,
            "kind": kind,
            "campaign": campaign,
            "expected": EXPECTED[kind],
            "stream_requests": 0,
        }
        for account, (group, kind, campaign) in truth.items()
    ]
    given_rows: list[dict[str, object]] = [
        {
            "account_id": account,
            "verdict": verdict,
            "campaign_id": campaign,
            "requests": 1,
            "reasons": [],
        }
        for account, (verdict, campaign) in verdicts.items()
    ]
    pq.write_table(pa.Table.from_pylist(known, schema=TRUTH_ACCOUNTS), folder / "truth.parquet")
    pq.write_table(
        pa.Table.from_pylist(given_rows, schema=ACCOUNT_VERDICTS), folder / "accounts.parquet"
    )
    return score(folder, folder)


TRUTH = {
    "a": ("app", "honest", None),
    "b": ("app", "honest", None),
    "p": ("pool", "pooled", None),
    **{f"h{n}": ("hydra", "campaign", "hydra-1") for n in range(4)},
    **{f"k{n}": ("hydra", "campaign", "hydra-2") for n in range(2)},
    "l": ("lone", "campaign", "lone"),
}


def test_a_perfect_result(tmp_path: Path) -> None:
    verdicts: dict[str, tuple[str, str | None]] = {
        account: ("distillation", campaign) if campaign else ("inconclusive", None)
        for account, (_, _, campaign) in TRUTH.items()
    }
    result = judged(tmp_path, TRUTH, verdicts)
    assert result.accused == result.unknown == 0
    assert all(row["as expected"] == 1 for row in result.table())
    assert {one.campaign: (one.recall, one.pieces, one.largest) for one in result.campaigns} == {
        "hydra-1": (1, 1, 1),
        "hydra-2": (1, 1, 1),
        "lone": (1, 1, 1),
    }
    assert all(one.purity == 1 and one.innocent == 0 for one in result.found)


def test_a_bad_result_is_shown_as_it_is(tmp_path: Path) -> None:
    result = judged(
        tmp_path,
        TRUTH,
        {
            "a": ("distillation", "X"),
            "p": ("clear", None),
            "h0": ("distillation", "X"),
            "h1": ("distillation", "X"),
            "h2": ("distillation", "Y"),
            "h3": ("distillation", "Y"),
            "k0": ("distillation", "X"),
            "k1": ("pooled", "Z"),
            "l": ("distillation", None),
            "stranger": ("clear", None),
        },
    )
    assert result.unknown == 1
    assert result.accused == 1
    app, pool, hydra, lone = result.table()
    assert (app["missing"], app["accused"], app["as expected"], app["recall"]) == (1, 1, 0, None)
    assert (pool["clear"], pool["as expected"]) == (1, 0)
    assert (hydra["recall"], hydra["pooled"], hydra["accused"]) == (round(5 / 6, 4), 1, None)
    assert lone["recall"] == 1
    first, second, alone = result.campaigns
    assert (first.recall, first.pieces, first.largest) == (1, 2, 0.5)
    assert (second.recall, second.pieces, second.largest) == (0.5, 0, 0.5)
    assert (alone.recall, alone.pieces) == (1, 1)
    x, y, single = result.found
    assert (x.campaign_id, x.accounts, x.innocent) == ("X", 4, 1)
    assert (x.campaign, x.purity) == ("hydra-1", 0.5)
    assert (y.purity, y.innocent) == (1, 0)
    assert (single.campaign_id, single.campaign, single.purity) == ("l", "lone", 1)


def test_a_campaign_of_innocents_has_no_purity(tmp_path: Path) -> None:
    both: dict[str, tuple[str, str | None]] = {
        "a": ("distillation", "X"),
        "b": ("distillation", "X"),
    }
    (found,) = judged(tmp_path, TRUTH, both).found
    assert (found.campaign, found.purity, found.innocent) == (None, 0, 2)


@given(st.permutations(sorted(TRUTH)))
def test_the_order_of_accounts_does_not_matter(order: list[str]) -> None:
    known = [{"account_id": account, "campaign": TRUTH[account][2]} for account in sorted(TRUTH)]
    found = {account: "X" if account in ("a", "b", "h0", "k0") else "Y" for account in order}
    verdicts = {a: {"verdict": "distillation", "campaign_id": name} for a, name in found.items()}
    assert _found(known, verdicts) == _found(known, dict(sorted(verdicts.items())))


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"truth\.parquet"):
        score(tmp_path, tmp_path)
    judged(tmp_path, TRUTH, {})
    pq.write_table(pa.table({"account_id": ["a"]}), tmp_path / "accounts.parquet")
    with pytest.raises(InputError, match=r"accounts\.parquet.*'verdict'"):
        score(tmp_path / "truth.parquet", tmp_path)
