from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillwatch.errors import InputError
from stillwatch.lab import Scenario, preset, simulate
from stillwatch.schema import ACCOUNTS, REQUESTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import World

FILES = ["accounts.jsonl", "requests.jsonl", "truth.parquet", "truth_requests.parquet"]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TINY: dict[str, dict[str, Any]] = {
    "individuals": {"accounts": 20, "per_day": 2.0},
    "resale_pool": {"accounts": 4, "users": 4},
    "loud_hydra": {"accounts": 6, "per_day": 4.0},
}


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    scenario = Scenario(days=7, groups=TINY)
    simulate(scenario, tmp_path / "here", seed=5)
    code = (
        "import sys, msgspec; from pathlib import Path; from stillwatch.lab import *\n"
        "scenario = msgspec.json.decode(sys.argv[1], type=Scenario)\n"
        "simulate(scenario, Path(sys.argv[2]), seed=5)"
    )
    given = msgspec.json.encode(scenario).decode()
    there = tmp_path / "there"
    subprocess.run(
        [sys.executable, "-c", code, given, str(there)], check=True, env={"PYTHONHASHSEED": "77"}
    )
    assert sorted(path.name for path in there.iterdir()) == FILES
    for name in FILES:
        assert (there / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name


def test_another_seed_gives_another_log(tmp_path: Path) -> None:
    scenario = Scenario(days=3, groups=TINY)
    one, two = (simulate(scenario, tmp_path / str(seed), seed=seed) for seed in (1, 2))
    assert not set(one.log.read_bytes().splitlines()) & set(two.log.read_bytes().splitlines())


def test_a_group_does_not_change_when_another_is_added(tmp_path: Path) -> None:
    alone = simulate(
        Scenario(days=5, groups={"individuals": TINY["individuals"]}), tmp_path / "a", seed=3
    )
    among = simulate(Scenario(days=5, groups=TINY), tmp_path / "b", seed=3)
    assert set(alone.log.read_bytes().splitlines()) < set(among.log.read_bytes().splitlines())


def test_rows_follow_the_contract(small: World) -> None:
    allowed = set(REQUESTS.names) - {"earlier_turns", "context", "turns"} | {"messages"}
    for row in small.rows:
        assert set(row) <= allowed
        assert all(row[name] for name in ("request_id", "account_id", "model"))
        assert RFC3339.fullmatch(row["timestamp"])
        assert ("prompt" in row) != ("messages" in row)
        if "messages" in row:
            roles = [turn["role"] for turn in row["messages"]]
            assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        assert (row["status"] == 200) == (row["output_tokens"] > 0)
        assert row["output_tokens"] <= row.get("max_tokens", 8192)
    for account in small.accounts:
        assert set(account) <= set(ACCOUNTS.names)
        assert RFC3339.fullmatch(account["created_at"])


def test_the_log_is_in_the_order_of_time_and_within_the_window(small: World) -> None:
    times = [row["timestamp"] for row in small.rows]
    assert times == sorted(times)
    assert times[0] >= "2026-03-02"
    assert times[-1] < "2026-03-12"
    assert len({row["request_id"] for row in small.rows}) == len(small.rows)


def test_optional_fields_are_missing_from_some_rows(small: World) -> None:
    for name in ("client_address", "conversation_id", "temperature", "system_prompt", "api_key_id"):
        present = sum(name in row for row in small.rows)
        assert 0 < present < len(small.rows), name


def test_the_truth_agrees_with_the_log(small: World) -> None:
    truth = {row["account_id"]: row for row in small.truth}
    assert list(truth) == sorted(truth) == [row["account_id"] for row in small.accounts]
    assert {row["account_id"] for row in small.rows} <= set(truth)
    stream = Counter(row["account_id"] for row in small.harvest)
    for account, row in truth.items():
        assert row["stream_requests"] == stream[account]
        assert (row["campaign"] is not None) == (row["kind"] == "campaign")
        assert (row["expected"] == ["distillation"]) == (row["kind"] == "campaign")
        assert row["kind"] == "campaign" or "distillation" not in row["expected"]
    for row, campaign in zip(small.rows, small.campaign_of, strict=True):
        assert campaign in (None, truth[row["account_id"]]["campaign"])


def test_the_summary_counts_what_was_written(small: World) -> None:
    assert small.files.requests == len(small.rows) == sum(small.files.requests_by_group.values())
    assert sum(small.files.accounts_by_group.values()) == len(small.accounts)
    assert small.files.campaigns == len({row["campaign"] for row in small.truth} - {None}) == 4


def test_no_name_in_the_log_tells_the_group(small: World) -> None:
    text = small.files.log.read_text() + small.files.accounts.read_text()
    # "enterprise" is a plan as well.
    for group in {row["group"] for row in small.truth} - {"enterprise"}:
        assert group not in text


def test_a_compressed_log_holds_the_same_rows(tmp_path: Path) -> None:
    scenario = Scenario(days=2, groups=TINY)
    plain = simulate(scenario, tmp_path / "a", seed=1)
    packed = simulate(scenario, tmp_path / "b", seed=1, compress=True)
    assert packed.log.name == "requests.jsonl.zst"
    with zstandard.open(packed.log, "rb") as file:
        assert file.read() == plain.log.read_bytes()


def test_fields_can_be_left_out(tmp_path: Path) -> None:
    hidden = ("client_address", "payment_fingerprint", "user_agent")
    files = simulate(Scenario(days=2, groups=TINY, without=hidden), tmp_path, seed=1)
    for path in (files.log, files.accounts):
        for line in path.read_bytes().splitlines():
            assert not set(hidden) & set(json.loads(line))


def test_slices_on_disk_do_not_change_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = Scenario(days=3, groups=TINY)
    whole = simulate(scenario, tmp_path / "a", seed=1)
    monkeypatch.setattr("stillwatch.lab.spool.BUFFER", 2_000)
    sliced = simulate(scenario, tmp_path / "b", seed=1)
    assert whole.log.read_bytes() == sliced.log.read_bytes()


def test_the_demo_has_every_kind_and_its_size() -> None:
    groups = preset("demo").built()
    kinds = {group.kind for group in groups.values()}
    from stillwatch.lab.registry import KINDS

    assert kinds == set(KINDS) - {"harvest"}
    accounts = sum(group.accounts * group.copies for group in groups.values())
    assert 2_500 <= accounts <= 3_000


@pytest.mark.parametrize("argument", ["prompts", "arrivals"])
def test_an_unusable_file_is_named(tmp_path: Path, argument: str) -> None:
    bad = tmp_path / "bad.parquet"
    pq.write_table(pa.table({"x": [1]}), bad)
    with pytest.raises(InputError, match=r"bad\.parquet"):
        simulate(Scenario(groups=TINY), tmp_path / "out", seed=1, **{argument: bad})  # type: ignore[arg-type]
