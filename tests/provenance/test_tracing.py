from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from stillwatch.errors import InputError, UsageError
from stillwatch.provenance import dataset
from stillwatch.provenance.bom import bom_json
from stillwatch.provenance.gate import Gate
from stillwatch.provenance.manifest import manifest
from stillwatch.provenance.page import render_page, surely
from stillwatch.provenance.registry import save
from stillwatch.provenance.rows import Origin
from stillwatch.provenance.tracing import OTHERS, Trace, register, trace
from stillwatch.sketch import SketchKey

from .writing import texts, write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS, WRITTEN, NEW = texts(40), texts(40, seed=1), texts(40, seed=2)


@pytest.fixture
def known(tmp_path: Path) -> list[Path]:
    """Registers of a model's answers, and of texts whose human origin is known."""
    key = SketchKey.load()
    made = {}
    for name, origin, corpus in (
        ("teacher", Origin.GENERATED, ANSWERS),
        ("forum", Origin.ORIGINAL, WRITTEN),
    ):
        path = write_jsonl(tmp_path / f"{name}.jsonl", [{"text": text} for text in corpus])
        made[name] = register(path, name=name, origin=origin)
        save(made[name], key, tmp_path / name)
    return [tmp_path / name for name in made]


def records() -> list[dict[str, Any]]:
    return [
        *({"output": text, "source": "bought"} for text in ANSWERS),
        *({"output": text, "source": "collected"} for text in WRITTEN),
        *({"output": text, "source": "found"} for text in NEW[:20]),
        *(
            {"output": text, "source": "own", "origin": "human", "license": "MIT"}
            for text in NEW[20:]
        ),
        *({"output": t, "source": "claimed", "origin": "human"} for t in ANSWERS[:10]),
        *({"output": t, "source": "named", "model": "teacher-9"} for t in NEW[:5]),
        {"output": "As an AI language model, I cannot say.", "source": "found"},
    ]


def traced(tmp_path: Path, known: list[Path], **options: Any) -> Trace:
    return trace(write_jsonl(tmp_path / "set" / "a.jsonl", records()), registers=known, **options)


def test_each_kind_of_row_gets_its_verdict(tmp_path: Path, known: list[Path]) -> None:
    found = {source.name: source for source in traced(tmp_path, known).sources}
    assert found["bought"].bases == {"generated: copy": 40}
    assert found["collected"].bases == {"original: copy": 40}
    assert found["found"].verdicts == {Origin.UNKNOWN: 20, Origin.GENERATED: 1}
    assert found["own"].bases == {"original: declared": 20}
    assert found["own"].terms == {"MIT": 20}
    assert found["named"].makers == {"teacher-9": 5}
    assert found["claimed"].verdicts == {Origin.GENERATED: 10}
    assert found["claimed"].contradicted == 10


def test_declared_verdicts_claim_no_confidence(tmp_path: Path, known: list[Path]) -> None:
    found = {source.name: source for source in traced(tmp_path, known).sources}
    assert found["own"].confidence is None
    confidence = found["bought"].confidence
    assert confidence is not None
    assert 0.9 < confidence < 1


def test_card_speaks_for_rows_that_do_not_speak_for_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(
        "---\nlicense: mit\nlanguage_creators:\n- machine-generated\n---\n# Made\n"
    )
    (folder / "dataset_infos.json").write_text('{"default": {"homepage": "https://a.example"}}')
    rows = [{"text": "one", "origin": None}, {"text": "two", "origin": "human"}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "data" / "train-00000-of-00001.parquet")
    found = trace(folder)
    (source,) = found.sources
    assert source.name == "data/train-00000-of-00001.parquet"
    assert source.bases == {"generated: declared": 1, "original: declared": 1}
    made = manifest(found)
    assert (made["license"], made["url"]) == ("mit", "https://a.example")
    assert made["sw:declared"] == ["README.md: language_creators machine-generated"]


def test_declarations_can_be_left_out(tmp_path: Path, known: list[Path]) -> None:
    total = traced(tmp_path, known, heed=False).total
    assert not any("declared" in basis for basis in total.bases)
    assert total.contradicted == 0


def test_text_that_both_wrote_is_nobodys(tmp_path: Path, known: list[Path]) -> None:
    save(
        register(known[0].with_suffix(".jsonl"), name="same", origin=Origin.ORIGINAL),
        SketchKey.load(),
        tmp_path / "same",
    )
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in ANSWERS])
    total = trace(path, registers=[known[0], tmp_path / "same"]).total
    assert total.verdicts == {Origin.UNKNOWN: len(ANSWERS)}


def test_rows_are_written_in_order_whatever_the_batch(
    tmp_path: Path, known: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = []
    for name, size in (("one", 8192), ("two", 7)):
        monkeypatch.setattr(dataset, "BATCH_ROWS", size)
        monkeypatch.setattr("stillwatch.readers.framing.BLOCK_RECORDS", size)
        (tmp_path / name).mkdir()
        traced(tmp_path, known, out=tmp_path / name)
        outs.append(pq.read_table(tmp_path / name / "rows.parquet"))
    assert outs[0].equals(outs[1])
    assert outs[0].column("line").to_pylist() == list(range(1, len(records()) + 1))


def test_rejected_records_are_written_and_most_of_them_stop_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\nbroken\n{"text": "y"}\n')
    assert trace(path, out=tmp_path).rejected == 1
    (entry,) = map(json.loads, (tmp_path / "rejected.jsonl").read_text().splitlines())
    assert (entry["file"], entry["line"]) == ("a.jsonl", 2)
    path.write_text("broken\n" * 3)
    with pytest.raises(InputError, match="more than half"):
        trace(path)
    path.write_text("")
    with pytest.raises(InputError, match="no row"):
        trace(path)


def test_sources_beyond_the_bound_are_counted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch.provenance.tracing.MOST_SOURCES", 3)
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "source": f"s{i}"} for i in range(9)])
    found = {source.name: source.rows for source in trace(path).sources}
    assert found == {OTHERS: 6, "s0": 1, "s1": 1, "s2": 1}


def test_gate_counts_by_share_and_says_what_failed(tmp_path: Path, known: list[Path]) -> None:
    found = traced(tmp_path, known)
    unknown = found.total.share(Origin.UNKNOWN)
    assert Gate(unknown=unknown).failures(found) == ()
    (failure,) = Gate(unknown=unknown - 1e-6).failures(found)
    assert failure.startswith("20 of 136 rows")
    assert len(Gate(generated=0, contradicted=0, rejected=0).failures(found)) == 2
    with pytest.raises(UsageError, match="--max-unknown"):
        Gate(unknown=1.5)


def test_manifest_has_every_source_and_makes_nothing_up(tmp_path: Path, known: list[Path]) -> None:
    found = traced(tmp_path, known)
    made = manifest(found)
    assert made["sw:undeclared"] == ["creator", "license", "url"]
    assert "license" not in made
    parts = {part["name"]: part for part in made["hasPart"]}
    assert sum(part["sw:rows"] for part in parts.values()) == len(records())
    assert parts["bought"]["digitalSourceType"].endswith("TrainedAlgorithmicMediaDigitalSource")
    assert "digitalSourceType" not in parts["found"]
    counted = {one["name"]: one["value"] for one in parts["found"]["sw:origin"]}
    assert counted == {"original": 0, "generated": 1, "unknown": 20}
    assert parts["own"]["license"] == ["MIT"]
    assert len(made["distribution"][0]["sha256"]) == 64
    assert json.dumps(made) == json.dumps(manifest(traced(tmp_path, known)))


def test_bill_of_materials_is_valid_and_always_the_same(tmp_path: Path, known: list[Path]) -> None:
    found = traced(tmp_path, known)
    made = bom_json(found, manifest(found))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made) is None
    assert made == bom_json(found, manifest(found))
    bom = json.loads(made)
    kinds = {part["name"]: part["type"] for part in bom["components"]}
    assert kinds["teacher-9"] == "machine-learning-model"
    assert kinds["bought"] == "data"
    own = next(part for part in bom["components"] if part["name"] == "own")
    assert own["licenses"] == [{"license": {"id": "MIT"}}]


def test_page_never_rounds_up_to_certainty(tmp_path: Path, known: list[Path]) -> None:
    page = render_page(traced(tmp_path, known), None)
    assert "99.9\u202f%" in page
    assert surely(0.99999) == "99.9\u202f%"
    assert surely(0.5) == "50.0\u202f%"


def test_page_shows_hostile_names_as_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "x", "source": name, "license": name}])
    page = render_page(trace(path), ["<b>"])
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
