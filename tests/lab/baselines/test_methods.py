from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.lab.baselines import fraudar, linking, mmd, ratelimit, synchrotrap, zscores
from stillwatch.lab.baselines.columns import coded, network, pairs

from .conftest import RING, RING_IDS, accused

if TYPE_CHECKING:
    from .conftest import Log


def test_rate_limit_counts_the_busiest_day(log: Log) -> None:
    for n in range(ratelimit.LIMIT + 1):
        log.send("over", 24 * 3 + n / 100, f"a{n}", "10.0.0.1", "t")
    for n in range(2 * ratelimit.LIMIT):
        log.send("spread", n, f"b{n}", "10.0.0.2", "t")
    table = ratelimit.accuse(log.requests, None)
    assert accused(table) == {"over"}
    assert dict(zip(*(table[c].to_pylist() for c in ("account_id", "score")), strict=True)) == {
        "over": ratelimit.LIMIT + 1,
        "spread": 24,
    }


def test_z_scores_accuse_the_odd_one_out_and_leave_small_accounts_alone(log: Log) -> None:
    rng = np.random.default_rng(1)
    for person in range(40):
        for _ in range(zscores.MIN_REQUESTS + person):
            words = " ".join(rng.choice(["tea", "cat", "sun", "map"], int(rng.integers(3, 9))))
            log.send(f"p{person}", float(rng.uniform(0, 300)), words, "10.0.0.1", "t")
    for n in range(3000):
        log.send("odd", n / 10, f"Explain how and show your work, rubric {n} " * 9, "10.0.0.1", "t")
    for n in range(zscores.MIN_REQUESTS - 1):
        log.send("few", n / 100, f"Explain how and show your work {n} " * 9, "10.0.0.1", "t")
    assert accused(zscores.accuse(log.requests, None)) == {"odd"}


def test_linking_joins_over_a_payer_and_not_over_a_popular_client(log: Log) -> None:
    log.people().ring()
    table = log.requests
    assert accused(linking.accuse(table, log.declared)) == set()  # 8 of 68 accounts are popular
    many = [row | {"account_id": f"x{n}"} for n in range(600) for row in log.rows[:1]]
    for n, row in enumerate(many):
        row["client_address"] = f"10.{n // 250}.{n % 250}.1"
    log.rows += many
    found = linking.accuse(log.requests, log.declared)
    assert accused(found) == RING_IDS
    sizes = {r["account_id"]: r["score"] for r in found.to_pylist()}
    assert sizes["r0"] == RING


def test_linking_leaves_a_declared_organisation_alone(log: Log) -> None:
    log.ring()
    for row in log.accounts:
        row["organization_id"] = "acme"
    for n in range(600):
        log.send(f"x{n}", 1, "hello there", f"10.{n // 250}.{n % 250}.1", "ja4-0")
    assert accused(linking.accuse(log.requests, log.declared)) == set()


def test_synchrotrap_finds_those_that_act_together_and_jitter_hides_them(log: Log) -> None:
    log.people().ring()
    assert accused(synchrotrap.accuse(log.requests, None)) == RING_IDS
    rng = np.random.default_rng(3)
    for row in log.rows:
        row["timestamp"] = log.rows[0]["timestamp"].replace(
            day=int(rng.integers(2, 28)), hour=int(rng.integers(0, 24))
        )
    assert accused(synchrotrap.accuse(log.requests, None)) == set()


def test_synchrotrap_jaccard_is_over_object_and_hour() -> None:
    # accounts 0 to 4 share six cells; account 5 has them too, but nine more of its own
    cells = np.arange(6)
    account = np.concatenate([np.repeat(np.arange(6), 6), np.full(9, 5)])
    thing = np.concatenate([np.tile(cells, 6), np.arange(100, 109)])
    found = synchrotrap.clusters(account, thing, np.zeros(len(account), dtype=np.int64), 6)
    assert len(set(found[:5])) == 1
    assert found[5] != found[0]


def test_synchrotrap_meets_actions_across_the_border_of_a_window() -> None:
    account = np.repeat([0, 1], 5)
    thing = np.tile(np.arange(5), 2)
    when = np.where(account == 0, synchrotrap.WINDOW - 10, synchrotrap.WINDOW + 10)
    when = np.append(when, 0)
    found = synchrotrap.clusters(np.append(account, 2), np.append(thing, 99), when, 3)
    assert found[0] == found[1] != found[2]


def test_fraudar_peels_down_to_the_planted_block() -> None:
    rng = np.random.default_rng(0)
    block = [(a, t) for a in range(12) for t in range(15)]
    camouflage = [(a, int(t)) for a in range(12) for t in rng.integers(15, 400, 5)]
    noise = [
        (int(a), int(t))
        for a, t in zip(rng.integers(12, 300, 700), rng.integers(15, 400, 700), strict=True)
    ]
    account, thing = pairs(*np.array(block + camouflage + noise).T)
    members, density = next(fraudar.blocks(account, thing, 300))
    assert members.tolist() == list(range(12))
    # 180 edges of weight 1 / log(12 + 5), over 27 nodes
    assert density == pytest.approx(180 / np.log(17) / 27, rel=0.05)


def test_fraudar_without_shared_objects_finds_no_block(log: Log) -> None:
    assert accused(fraudar.accuse(log.people().requests, None)) == set()
    assert not fraudar.block_scores(np.zeros(0, int), np.zeros(0, int), 3).any()


def test_mmd_accuses_a_window_of_another_kind_and_not_a_draw_from_the_pool(log: Log) -> None:
    rng = np.random.default_rng(5)
    words = ["tea", "garden", "spoon", "river", "letter", "cloud", "stone", "music", "paper"]
    for person in range(60):
        for n in range(mmd.MIN_WINDOW):
            log.send(f"p{person:02d}", n, " ".join(rng.choice(words, 8)), "10.0.0.1", "t")
    for n in range(mmd.MIN_WINDOW):
        log.send(
            "odd",
            n,
            f"Derive the eigenvalues of operator {rng.integers(1_000_000)}",
            "10.0.0.1",
            "t",
        )
    for n in range(mmd.MIN_WINDOW - 1):
        log.send("few", n, f"Derive the eigenvalues of operator {n}", "10.0.0.1", "t")
    found = accused(mmd.accuse(log.requests, None))
    assert "odd" in found
    assert "few" not in found
    assert len(found) <= 3  # the odd one is in the pool too and moves its centre


def test_mmd_threshold_holds_for_draws_from_the_pool() -> None:
    rng = np.random.default_rng(11)
    pool = rng.normal(0, rng.uniform(0.1, 1, 20), (20_000, 20))
    unit = mmd.unit_threshold(pool)
    centre = pool.mean(axis=0)
    windows = pool[rng.integers(0, len(pool), (2000, 200))].mean(axis=1)
    over = (((windows - centre) ** 2).sum(axis=1) > unit / 200).mean()
    assert 0.0002 < over < 0.01


def test_hashed_texts_have_length_one_and_know_slices() -> None:
    texts = pa.array(["zzzz zzzz", "Same words here", "q", "", "same WORDS here", "grüße"])
    rows = mmd.hashed(texts)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.array_equal(rows[1], rows[4])
    assert np.array_equal(mmd.hashed(texts.slice(1, 3)), rows[1:4])


def test_columns_code_sort_and_cut_addresses() -> None:
    column = coded(pa.array(["b", None, "a", "b"]))
    assert column.codes.tolist() == [1, -1, 0, 1]
    assert column.values.to_pylist() == ["a", "b"]
    assert network(pa.array(["192.0.2.77", "2001:db8:1:2::5", "x", None])).to_pylist() == [
        "192.0.2",
        "2001:db8:1",
        None,
        None,
    ]
    first, second = pairs(np.array([1, 0, 1, -1, 2]), np.array([5, 2, 5, 1, -1]))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 2), (1, 5)]
