from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tests.signals.conftest import rows_of

from stillwatch.schema import FAMILY_KEYS, N_BANDS
from stillwatch.signals.families import (
    ASKED_SCORE,
    KINDS,
    WORDLESS,
    family_keys,
    fed_by_several,
    feeders,
)
from stillwatch.signals.frames import with_framed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ORDER = ("kind", "key", "account")


def loaded(table: Callable[..., Any], rows: Sequence[dict[str, Any]]) -> Any:
    return with_framed(table([{"mining": True} | row for row in rows]))


def kinds(expression: Any) -> list[tuple[str, int]]:
    return [(KINDS[row["kind"]], row["key"]) for row in rows_of(expression, "kind", "key")]


def test_a_request_has_a_row_for_every_key_that_it_has(table: Callable[..., Any]) -> None:
    keys = {name: 100 + i for i, name in enumerate(FAMILY_KEYS)}
    bands = list(range(200, 200 + N_BANDS))
    everything = keys | {"bands": bands, "elicitation": ASKED_SCORE}
    found = kinds(family_keys(loaded(table, [everything])))
    expected = [*keys.items(), *((f"band{i}", 200 + i) for i in range(N_BANDS)), ("asked", 0)]
    assert found == expected


def test_a_request_without_keys_has_no_row(table: Callable[..., Any]) -> None:
    assert kinds(family_keys(loaded(table, [{}]))) == []


def test_asked_takes_either_score_from_the_threshold_on(table: Callable[..., Any]) -> None:
    rows = [
        {"request_key": 1, "elicitation": ASKED_SCORE},
        {"request_key": 2, "grading": 0.9},
        {"request_key": 3, "elicitation": 0.59, "grading": 0.59},
    ]
    found = rows_of(family_keys(loaded(table, rows), "request_key"), "request_key")
    assert [(KINDS[row["kind"]], row["request_key"]) for row in found] == [
        ("asked", 1),
        ("asked", 2),
    ]


def test_framed_requests_are_one_family(table: Callable[..., Any]) -> None:
    rows = [{"request_key": i, "account": i // 4, "head4_key": 7 + i // 4} for i in range(8)]
    found = [pair for pair in kinds(family_keys(loaded(table, rows))) if pair[0] == "framed"]
    assert found == [("framed", 0)] * 8


def test_wordless_kinds_are_named_by_their_codes() -> None:
    assert [KINDS[code] for code in WORDLESS] == ["framed", "asked"]


def test_feeders_counts_each_account_in_each_half(table: Callable[..., Any]) -> None:
    rows = [
        {"account": 1, "system_key": 5, "mining": True},
        {"account": 1, "system_key": 5, "mining": False},
        {"account": 1, "system_key": 6, "mining": False},
        {"account": 2, "system_key": 5, "mining": True},
    ]
    found = [tuple(row.values()) for row in rows_of(feeders(loaded(table, rows)), *ORDER)]
    system = KINDS.index("system_key")
    assert found == [(system, 5, 1, 2, 1), (system, 5, 2, 1, 1), (system, 6, 1, 1, 0)]


def test_feeders_are_the_same_for_shuffled_rows(table: Callable[..., Any]) -> None:
    rows = [
        {"account": i % 5, "tail4_key": i % 3, "bands": [i % 7] * N_BANDS, "mining": i % 2 == 0}
        for i in range(200)
    ]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    first, second = (rows_of(feeders(loaded(table, order)), *ORDER) for order in (rows, shuffled))
    assert first == second


def test_only_mined_requests_and_accounts_make_a_family_large(table: Callable[..., Any]) -> None:
    def feed(key: int, account: int, mined: int, tested: int) -> list[dict[str, Any]]:
        half = [True] * mined + [False] * tested
        return [{"account": account, "system_key": key, "mining": m} for m in half]

    rows = [
        *feed(1, 1, 3, 0), *feed(1, 2, 3, 0),  # two accounts, six requests: kept
        *feed(2, 1, 3, 0), *feed(2, 2, 2, 9),  # one mined request too few
        *feed(3, 1, 9, 0), *feed(3, 2, 0, 9),  # one mining account too few
        *feed(1, 3, 0, 1),                     # comes along with its family
    ]  # fmt: skip
    kept = fed_by_several(feeders(loaded(table, rows)), accounts=2, requests=6)
    told = [row for row in rows_of(kept, *ORDER) if row["kind"] not in WORDLESS]
    assert [(row["key"], row["account"]) for row in told] == [(1, 1), (1, 2), (1, 3)]
