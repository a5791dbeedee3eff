from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.provenance.dataset import NO_TEXT, batches, open_dataset
from stillwatch.provenance.rows import Fields

from .writing import write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [{"output": f"answer {i}", "source": "a"} for i in range(5)]


def read(path: Path) -> list[tuple[str, int, str]]:
    dataset = open_dataset(path)
    return [
        (batch.file, line, row.text)
        for batch in batches(dataset, Fields(), lambda _: None)
        for line, row in zip(batch.lines, batch.rows, strict=True)
    ]


def test_formats_give_the_same_rows(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", RECORDS)
    (tmp_path / "b.json").write_text(json.dumps(RECORDS, indent=1))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "d.parquet")
    texts = [record["output"] for record in RECORDS]
    for name in ("a.jsonl", "b.json", "c.jsonl.gz", "d.parquet"):
        assert [text for _, _, text in read(tmp_path / name)] == texts
    folder = read(tmp_path)
    assert [file for file, _, _ in folder[::5]] == ["a.jsonl", "b.json", "c.jsonl.gz", "d.parquet"]


def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"output": "x"}\n\nnot json\n[1]\n{"other": 1}\n{"output": "y"}\n')
    (batch,) = batches(open_dataset(path), Fields(), lambda _: None)
    assert [row.text for row in batch.rows] == ["x", "y"]
    assert list(batch.lines) == [1, 6]
    assert [(r.line, r.reason) for r in batch.rejections] == [
        (3, "this is not JSON"),
        (4, "the record is not an object"),
        (5, NO_TEXT),
    ]


def test_cards_and_other_files_hold_no_rows(tmp_path: Path) -> None:
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "LICENSE").write_text("text")
    with pytest.raises(InputError, match="with rows here"):
        open_dataset(tmp_path)


def test_damaged_parquet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="Parquet"):
        read(path)


def test_bytes_read_add_up_to_the_files(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", RECORDS)
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "b.parquet")
    seen: list[float] = []
    dataset = open_dataset(tmp_path)
    list(batches(dataset, Fields(), seen.append))
    assert sum(seen) == pytest.approx(dataset.size)
