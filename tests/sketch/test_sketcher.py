from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.schema import N_BANDS, N_TOKENS, REQUESTS, SKETCHES, TURN_SEPARATOR
from stillwatch.sketch import Sketcher, SketchKey

from .making import TEXTS, requests

if TYPE_CHECKING:
    from pathlib import Path

SKETCHER = Sketcher(SketchKey(bytes(range(32))))
KEYS = [name for name in SKETCHES.names if name.endswith("_key")] + ["account", "bands", "tokens"]
MAYBE = st.one_of(st.none(), TEXTS)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "prompt": TEXTS,
            "system_prompt": MAYBE,
            "earlier_turns": MAYBE,
            "context": MAYBE,
            "request_id": TEXTS,
            "account_id": TEXTS,
            "conversation_id": MAYBE,
            "client_address": st.one_of(st.none(), st.ip_addresses().map(str), TEXTS),
            "user_agent": MAYBE,
            "temperature": st.one_of(st.none(), st.floats(0, 2)),
        }
    ),
    max_size=6,
)


def sketch(*rows: dict[str, Any], sketcher: Sketcher = SKETCHER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sketcher.sketch(requests(rows)).sketches.to_pylist()
    return found


@given(ROWS)
@settings(max_examples=60)
def test_a_sketch_does_not_depend_on_its_batch(rows: list[dict[str, Any]]) -> None:
    batch = requests(rows)
    together = SKETCHER.sketch(batch)
    together.sketches.validate(full=True)
    assert together.sketches.schema.equals(SKETCHES)
    alone = [SKETCHER.sketch(batch.slice(i, 1)).sketches.to_pylist()[0] for i in range(len(rows))]
    assert together.sketches.to_pylist() == alone


def test_an_empty_batch() -> None:
    found = SKETCHER.sketch(requests([]))
    assert found.sketches.num_rows == found.accounts.num_rows == 0
    assert found.sketches.schema.equals(SKETCHES)


@pytest.mark.parametrize("prompt", ["", " ", "word" * 100_000, "一" * 100_000, "a b " * 100_000])
def test_extreme_prompts(prompt: str) -> None:
    row = sketch({"prompt": prompt})[0]
    assert row["prompt_words"] <= 131_072
    assert (row["bands"] is None) == (row["prompt_words"] < 6)


def test_accounts_are_named_once_and_joined_by_key() -> None:
    found = SKETCHER.sketch(requests([{"account_id": a} for a in ("x", "y", "x")]))
    assert sorted(found.accounts.column("account_id").to_pylist()) == ["x", "y"]
    assert (
        found.accounts.column("account").to_pylist()
        == SKETCHER.account_keys(found.accounts.column("account_id").combine_chunks()).to_pylist()
    )
    first, second, third = found.sketches.column("account").to_pylist()
    assert first == third != second


def test_columns_join_to_the_keys_that_callers_make() -> None:
    row = sketch({"request_id": "r-1", "client_address": "192.0.2.9"})[0]
    assert SKETCHER.request_keys(pa.array(["r-1"])).to_pylist() == [row["request_key"]]
    assert SKETCHER.network_keys(pa.array(["192.0.2.200"])).to_pylist() == [row["network_key"]]
    one, other = (SKETCHER.trait_keys(pa.array(["v"]), trait) for trait in ("payment", "domain"))
    assert one != other


def test_purposes_cannot_be_joined_inside_one_deployment() -> None:
    same = "203.0.113.5"
    fields = [f.name for f in REQUESTS if f.type == pa.string() and f.name != "model"]
    row = sketch(dict.fromkeys(fields, same))[0]
    keys = [row[name] for name in KEYS if name.endswith("_key") or name == "account"]
    present = [key for key in keys if key is not None]
    assert len(present) == len(set(present)) >= 11


def test_a_conversation_is_followed_by_its_prefix() -> None:
    first = {"prompt": "One", "system_prompt": "Be kind", "turns": 1}
    second = first | {"prompt": "Two", "earlier_turns": "One", "context": "Uno", "turns": 2}
    third = first | {"prompt": "Three", "earlier_turns": f"One{TURN_SEPARATOR}Two", "turns": 3}
    other = second | {"system_prompt": "Be brief"}
    a, b, c, d = sketch(first, second, third, other)
    assert a["prefix_key"] is None
    assert b["prefix_key"] == a["turns_key"]
    assert c["prefix_key"] == b["turns_key"]
    assert d["prefix_key"] != a["turns_key"]


def test_the_body_is_everything_sent() -> None:
    base = {"prompt": "Hi", "system_prompt": "S", "earlier_turns": "E", "context": "C"}
    changed = [base | {field: "other"} for field in base]
    bodies = [row["body_key"] for row in sketch(base, base, *changed)]
    assert bodies[0] == bodies[1]
    assert len(set(bodies)) == 1 + len(base)


def test_the_system_prompt_decides_the_capability_only_where_the_prompt_is_silent() -> None:
    code, silent = "You write Python code in functions.", "Go on"
    a, b = sketch(
        {"prompt": silent, "system_prompt": code},
        {"prompt": "Translate this poem", "system_prompt": code},
    )
    assert a["capability"] == 1
    assert b["capability"] == 6


def rows_of_a_day(day: int) -> list[dict[str, Any]]:
    return [
        {
            "request_id": f"r-{day}-{i}",
            "account_id": f"acct-{i % 3}",
            "prompt": f"Please answer question number {i} of the set, step by step, and be brief.",
            "system_prompt": "You are helpful.",
            "client_address": f"198.51.{i}.7",
            "conversation_id": f"conv-{i}",
            "user_agent": "client/1.0",
            "tls_fingerprint": "t13d1516h2",
        }
        for i in range(20)
    ]


def values(batch: pa.RecordBatch) -> set[int]:
    found: set[int] = set()
    for name in KEYS:
        column = batch.column(name)
        flat = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
        found |= set(flat.drop_null().to_pylist()) - {0}
    return found


def test_two_deployments_share_no_value_and_one_shares_them_across_days() -> None:
    other = Sketcher(SketchKey(bytes(range(1, 33))))
    batches = [requests(rows_of_a_day(day)) for day in (1, 2)]
    today, tomorrow = (SKETCHER.sketch(batch).sketches for batch in batches)
    elsewhere = other.sketch(batches[0]).sketches
    assert not values(today) & values(elsewhere)
    again = Sketcher(SketchKey(bytes(range(32)))).sketch(batches[1]).sketches
    assert again.equals(tomorrow)
    for name in ("account", "head8_key", "system_key", "network_key", "bands", "body_key"):
        assert today.column(name).equals(tomorrow.column(name))


def test_no_text_and_no_identifier_is_in_what_is_kept(tmp_path: Path) -> None:
    fields = [
        f.name for f in REQUESTS if f.type == pa.string() and f.name not in ("model", "access_path")
    ]
    marked = {name: f"wxq{i:02d}first wxq{i:02d}second" for i, name in enumerate(fields)}
    file = tmp_path / "sketches.parquet"
    sketches = SKETCHER.sketch(requests([marked | {"access_path": "api-gateway-7"}])).sketches
    pq.write_table(pa.Table.from_batches([sketches]), file, compression="none")
    kept = file.read_bytes().lower()
    assert b"large-1" in kept
    assert b"api-gateway-7" in kept
    assert b"wxq" not in kept


def test_shapes_are_those_of_the_schema() -> None:
    row = sketch({"prompt": "seven words are needed to be shingled here"})[0]
    assert len(row["bands"]) == N_BANDS
    assert len(row["tokens"]) == N_TOKENS
    assert np.count_nonzero(row["tokens"]) == 5
