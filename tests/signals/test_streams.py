from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tests.signals.conftest import rows_of

from stillwatch.signals.families import KINDS
from stillwatch.signals.frames import with_framed
from stillwatch.signals.streams import stream_counts, stream_members, stream_sample

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD, TAIL = KINDS.index("head4_key"), KINDS.index("tail4_key")


def families(*rows: tuple[int, int, int]) -> pa.Table:
    columns = zip(*rows, strict=True)
    names = (("candidate", pa.int64()), ("kind", pa.int8()), ("key", pa.int64()))
    return pa.table({n: pa.array(c, t) for (n, t), c in zip(names, columns, strict=True)})


def cores(*rows: tuple[int, int]) -> pa.Table:
    candidate, account = zip(*rows, strict=True)
    return pa.table({"candidate": candidate, "account": account})


def test_the_stream_is_what_core_accounts_send_in_any_family(table: Callable[..., Any]) -> None:
    requests = with_framed(
        table(
            [
                {"request_key": 1, "account": 1, "head4_key": 10, "mining": True},
                {"request_key": 2, "account": 1, "tail4_key": 11, "mining": True},
                {"request_key": 3, "account": 1, "head4_key": 10, "tail4_key": 11, "mining": True},
                {"request_key": 4, "account": 1, "head4_key": 99, "mining": True},  # cover traffic
                {"request_key": 5, "account": 2, "head4_key": 10, "mining": True},  # other core
                {"request_key": 6, "account": 3, "head4_key": 10, "mining": True},  # in no core
            ]
        )
    )
    found = stream_members(
        requests,
        table(families((0, HEAD, 10), (0, TAIL, 11), (1, HEAD, 10))),
        table(cores((0, 1), (1, 2))),
    )
    streams = found.select("candidate", "account", "request_key")
    rows = [tuple(row.values()) for row in rows_of(streams, "candidate", "request_key")]
    assert rows == [(0, 1, 1), (0, 1, 2), (0, 1, 3), (1, 2, 5)]


def test_an_account_is_in_every_stream_whose_core_it_is_in(table: Callable[..., Any]) -> None:
    requests = with_framed(table([{"request_key": 1, "head4_key": 10, "mining": True}]))
    found = stream_members(
        requests, table(families((0, HEAD, 10), (1, HEAD, 10))), table(cores((0, 1), (1, 1)))
    )
    assert [row["candidate"] for row in rows_of(found, "candidate")] == [0, 1]


def test_counts_are_by_half(table: Callable[..., Any]) -> None:
    rows = [
        {"request_key": i, "account": i // 4, "body_key": i, "mining": i % 4 == 0} for i in range(7)
    ]
    members = table(members_of(rows))
    found = [tuple(r.values()) for r in rows_of(stream_counts(members), "account")]
    assert found == [(0, 0, 1, 3), (0, 1, 1, 2)]


def members_of(requests: list[dict[str, Any]], candidate: int = 0) -> pa.Table:
    columns = ("account", "request_key", "body_key", "mining")
    members = pa.table({name: [row[name] for row in requests] for name in columns})
    return members.append_column("candidate", pa.array([candidate] * len(requests), pa.int64()))


def test_the_sample_is_capped_for_each_account_and_half(table: Callable[..., Any]) -> None:
    rows = [
        {"request_key": 100 * account + i, "account": account, "body_key": i, "mining": i % 3 > 0}
        for account in (1, 2)
        for i in range(30)
    ]
    rows.append({"request_key": 999, "account": 3, "body_key": 4, "mining": True})
    sample = stream_sample(_slotted(table, rows), table(members_of(rows)), 5)
    counts: dict[tuple[int, bool], int] = {}
    for row in rows_of(sample, "request_key"):
        key = (row["account"], row["mining"])
        counts[key] = counts.get(key, 0) + 1
    assert counts == {(1, True): 5, (1, False): 5, (2, True): 5, (2, False): 5, (3, True): 1}


def test_the_sample_is_by_item_and_so_keeps_shared_items_together(
    table: Callable[..., Any],
) -> None:
    # every account sends the same 40 items; a sample by request would keep few in common
    rows = [
        {"request_key": 1000 * account + (i * 7) % 40, "account": account, "body_key": i,
         "mining": True}
        for account in range(4)
        for i in range(40)
    ]  # fmt: skip
    sample = rows_of(
        stream_sample(_slotted(table, rows), table(members_of(rows)), 10), "account", "body_key"
    )
    for account in range(4):
        assert [r["body_key"] for r in sample if r["account"] == account] == list(range(10))


def test_the_sample_does_not_depend_on_the_order_of_rows(table: Callable[..., Any]) -> None:
    rows = [
        {"request_key": i, "account": i % 3, "body_key": i % 5, "mining": i % 2 == 0}
        for i in range(100)
    ]
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    first, second = (
        rows_of(stream_sample(_slotted(table, order), table(members_of(order)), 4), "request_key")
        for order in (rows, shuffled)
    )
    assert [row["request_key"] for row in first] == [row["request_key"] for row in second]


def test_candidates_are_sampled_apart(table: Callable[..., Any]) -> None:
    rows = [{"request_key": i, "account": 1, "body_key": i, "mining": True} for i in range(8)]
    both = pa.concat_tables([members_of(rows, 0), members_of(rows[4:], 1)])
    sample = rows_of(
        stream_sample(_slotted(table, rows), table(both), 3), "candidate", "request_key"
    )
    assert [(r["candidate"], r["request_key"]) for r in sample] == [
        (0, 0), (0, 1), (0, 2), (1, 4), (1, 5), (1, 6),
    ]  # fmt: skip


def _slotted(table: Callable[..., Any], rows: list[dict[str, Any]]) -> Any:
    """Rows with what sampling carries along; the halves stay as given."""
    return with_framed(table(rows)).mutate(slot=0)
