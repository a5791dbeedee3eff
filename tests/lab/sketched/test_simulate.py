"""Sketches without text have the nature of sketched text, by the detector's own measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.campaigns.habits import measure
from stillwatch.campaigns.stream import Stream
from stillwatch.errors import UsageError
from stillwatch.ingest import ingest
from stillwatch.lab.scenario import Scenario, preset
from stillwatch.lab.simulate import simulate
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.readers import open_log
from stillwatch.schema import SKETCHES
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from pathlib import Path

KEY = SketchKey.from_hex("5c" * 32, source="the test")
WORLD = Scenario(
    days=10,
    groups={
        "individuals": {"accounts": 150, "per_day": 4.0, "rare": 0.0},
        "popular_app": {"accounts": 60},
        "batch_labelling": {"accounts": 4},
        "hydra": {"kind": "loud_hydra", "accounts": 40, "life_days": 0.0},
        "pool": {"kind": "pivot", "accounts": 40},
    },
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: Any) -> tuple[pa.Table, pa.Table]:
    """The same world as sketched text and as sketches, with each account's group."""
    folder: Path = tmp_path_factory.mktemp("worlds")
    made = simulate(WORLD, folder / "text", seed=1)
    store = SketchStore.open(folder / "store", KEY.fingerprint)
    ingest(open_log([str(made.log)]), store, Sketcher(KEY), folder / "rejected.jsonl")
    store.seal()
    simulate_sketches(WORLD, folder / "direct", seed=1, key=KEY)
    direct = SketchStore.open(folder / "direct" / "sketches", KEY.fingerprint)
    return (
        _with_group(store, folder / "text" / "truth.parquet"),
        _with_group(direct, folder / "direct" / "truth.parquet"),
    )


def _with_group(store: SketchStore, truth: Path) -> pa.Table:
    days = pa.concat_tables(pq.read_table(store.path / day) for day in store.day_files())
    known = dict(zip(*pq.read_table(truth).select(["account_id", "group"]).to_pydict().values(),
                     strict=True))  # fmt: skip
    names = store.names().sort_by("account")
    groups = np.array([known[one] for one in names.column("account_id").to_pylist()])
    place = np.searchsorted(names.column("account").to_numpy(), days.column("account").to_numpy())
    return days.append_column("group", pa.array(groups[place]))


def _stream(table: pa.Table, group: str) -> Stream:
    rows = table.filter(pc.equal(table.column("group"), group))
    seconds = rows.column("timestamp").cast(pa.int64()).to_numpy() // 1_000_000
    flag = pa.array(np.zeros(len(rows), bool))
    extra = {"slot": pa.array(seconds // 3600), "mining": flag, "framed": flag}
    for name, column in extra.items():
        rows = rows.append_column(name, column)
    return Stream.from_table(rows.sort_by([("account", "ascending"), ("timestamp", "ascending")]))


@pytest.mark.parametrize("group", ["individuals", "popular_app", "hydra", "pool"])
def test_accounts_are_as_individual_as_those_of_the_text(
    both: tuple[pa.Table, pa.Table], group: str
) -> None:
    text, direct = (measure(_stream(table, group)) for table in both)
    # bounds: four standard errors of both estimates, and a tenth of log R for what the grammar's
    # fixed topics and the made ones have not in common
    for habit in ("content", "rhythm"):
        one, other = getattr(text, habit), getattr(direct, habit)
        error = 4 * float(np.hypot(one.error, other.error)) + 0.1 * max(1.0, abs(one.log_ratio))
        assert abs(one.log_ratio - other.log_ratio) <= error, habit
    assert abs(text.conversation.value - direct.conversation.value) <= 0.06
    assert abs(text.sharing.value - direct.sharing.value) <= 0.05


@pytest.mark.parametrize("group", ["individuals", "popular_app", "batch_labelling", "hydra"])
def test_requests_are_as_many_and_look_alike(both: tuple[pa.Table, pa.Table], group: str) -> None:
    text, direct = (t.filter(pc.equal(t.column("group"), group)) for t in both)
    assert 0.9 <= len(direct) / len(text) <= 1.1
    for name in ("prompt_words", "elicitation", "turns", "output_tokens", "input_tokens"):
        means = [float(np.mean(t.column(name).fill_null(0).to_numpy())) for t in (text, direct)]
        assert means[1] == pytest.approx(means[0], rel=0.15, abs=0.05), name
    for name in ("head4_key", "skeleton_key", "system_key", "tokens", "bands", "network_key"):
        shares = [t.column(name).null_count / len(t) for t in (text, direct)]
        assert shares[1] == pytest.approx(shares[0], abs=0.08), name


@pytest.mark.parametrize("name", ["head4_key", "tail4_key", "system_key", "body_key"])
@pytest.mark.parametrize("group", ["individuals", "hydra", "batch_labelling"])
def test_words_recur_as_often(both: tuple[pa.Table, pa.Table], name: str, group: str) -> None:
    shares = []
    for table in both:
        keys = table.filter(pc.equal(table.column("group"), group)).column(name).drop_null()
        shares.append(len(pc.unique(keys)) / max(len(keys), 1))
    assert shares[1] == pytest.approx(shares[0], rel=0.25, abs=0.05)


def test_a_template_has_the_key_that_its_text_has(both: tuple[pa.Table, pa.Table]) -> None:
    text, direct = (t.filter(pc.equal(t.column("group"), "hydra")) for t in both)
    for name in ("head4_key", "system_key", "skeleton_key"):
        common = [pc.value_counts(t.column(name).drop_null()) for t in (text, direct)]
        most = [
            max(c.to_pylist(), key=lambda row: row["counts"])["values"] for c in common if len(c)
        ]
        assert len(set(most)) <= 1, name


def test_the_same_arguments_give_the_same_bytes_whoever_is_quicker(tmp_path: Path) -> None:
    small = preset("alibaba-2026").resized(0.0003)
    for name in ("one", "two"):
        made = simulate_sketches(small, tmp_path / name, seed=3, key=KEY)
        assert made.campaigns == 3
    days = sorted((tmp_path / "one" / "sketches" / "days").iterdir())
    assert len(days) == small.days
    for day in days:
        other = tmp_path / "two" / "sketches" / "days" / day.name
        assert day.read_bytes() == other.read_bytes()
        table = pq.read_table(day)
        assert table.schema.equals(SKETCHES)
        order = [("account", "ascending"), ("timestamp", "ascending"), ("request_key", "ascending")]
        assert table.equals(table.sort_by(order))


def test_what_only_text_can_show_is_refused(tmp_path: Path) -> None:
    dressed = Scenario(days=5, groups={"conversations": {"accounts": 4}})
    with pytest.raises(UsageError, match="conversations"):
        simulate_sketches(dressed, tmp_path, seed=0, key=KEY)
