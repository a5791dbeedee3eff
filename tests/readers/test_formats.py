"""Every format's golden files: what they give, and that each is recognised as itself."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import MissingExtraError, UsageError
from stillwatch.readers import READERS, open_log, reader_named
from stillwatch.schema import REQUESTS

from .reading import GOLDEN, read_all

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = sorted(p for p in GOLDEN.iterdir() if not p.name.endswith(".expected.json"))


def expected(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(
        path.with_name(path.name + ".expected.json").read_text(encoding="utf-8")
    )
    return content


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: p.name)
def test_golden_file_gives_the_expected_rows(path: Path) -> None:
    result, wanted = read_all([path]), expected(path)
    rows = [{k: v for k, v in row.items() if v is not None} for row in result.rows]
    for row in rows:
        row["timestamp"] = row["timestamp"].isoformat()
    assert rows == wanted["rows"]
    assert [[r.line, r.field, r.reason] for r in result.rejections] == wanted["rejections"]
    assert all(r.file == str(path) for r in result.rejections)
    assert result.skipped == wanted["skipped"]


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: p.name)
def test_golden_file_is_recognised_by_its_content(path: Path, tmp_path: Path) -> None:
    disguised = tmp_path / "unnamed"
    disguised.write_bytes(path.read_bytes())
    [(_, reader)] = open_log([disguised]).formats
    assert reader.name == expected(path)["format"]


def test_every_format_has_a_golden_file() -> None:
    assert {expected(path)["format"] for path in INPUTS} == {reader.name for reader in READERS}


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_declared_columns_are_the_optional_ones(reader: object) -> None:
    optional = {f.name for f in REQUESTS if f.nullable}
    assert reader.columns <= optional  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: p.name)
def test_golden_rows_hold_only_declared_columns(path: Path) -> None:
    [(_, reader)] = open_log([path]).formats
    always = {f.name for f in REQUESTS if not f.nullable}
    for row in read_all([path]).rows:
        assert {k for k, v in row.items() if v is not None} - always <= reader.columns


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no format 'syslog'.*stillwatch.*bedrock"):
        reader_named("syslog")


def test_protobuf_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.trace.v1", None)
    with pytest.raises(MissingExtraError, match=r"stillwatch\[otlp\]"):
        read_all([GOLDEN / "otlp-proto.pb"])
