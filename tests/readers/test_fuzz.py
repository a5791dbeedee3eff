"""No input makes a traceback or a hang, and every rejection says where, what and why."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError, StillwatchError
from stillwatch.readers import READERS, open_log, read_accounts

from .reading import GOLDEN

INPUTS = sorted(p for p in GOLDEN.iterdir() if not p.name.endswith(".expected.json"))
NAMES = [reader.name for reader in READERS]
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def survives(content: bytes, name: str | None) -> None:
    """Read something; only errors for people may come of it, and rejections must be whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(content)
        try:
            for batch in open_log([path], format=name):
                batch.requests.validate(full=True)
                for rejection in batch.rejections:
                    assert rejection.file == str(path)
                    assert rejection.line >= 1
                    assert rejection.field
                    assert rejection.reason
        except InputError:
            return  # says what is wrong with the file; anything else fails the test


def format_of(path: Path) -> str:
    return str(json.loads(Path(f"{path}.expected.json").read_text("utf-8"))["format"])


@pytest.mark.parametrize("name", NAMES)
@quick
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes(name: str, content: bytes) -> None:
    survives(content, name)


@quick
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes_without_a_format(content: bytes) -> None:
    survives(content, None)


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: p.name)
@quick
@given(data=st.data())
def test_damaged_golden_file(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(content) - 1)))
        stop = start + data.draw(st.integers(0, 30))
        content[start:stop] = data.draw(st.binary(max_size=30))
    survives(bytes(content), data.draw(st.sampled_from([*NAMES, None])))
    survives(bytes(content), format_of(path))


def mutated(value: Any, data: st.DataObject) -> Any:
    """The same structure with some values replaced by others."""
    if data.draw(st.integers(0, 11)) == 0:
        return data.draw(json_values)
    if isinstance(value, dict):
        return {key: mutated(inner, data) for key, inner in value.items()}
    return [mutated(inner, data) for inner in value] if isinstance(value, list) else value


JSON_INPUTS = [path for path in INPUTS if path.suffix == ".jsonl"]


@pytest.mark.parametrize("path", JSON_INPUTS, ids=lambda p: p.name)
@quick
@given(data=st.data())
def test_other_types_in_known_places(path: Path, data: st.DataObject) -> None:
    lines = path.read_text("utf-8").splitlines()
    record = json.loads(lines[data.draw(st.integers(0, len(lines) - 1))])
    survives(json.dumps(mutated(record, data)).encode("utf-8", "surrogatepass"), format_of(path))


@pytest.mark.parametrize("name", [n for n in NAMES if "parquet" not in n and "proto" not in n])
@quick
@given(value=json_values, indent=st.sampled_from([None, 1]))
def test_arbitrary_json(name: str, value: object, indent: int | None) -> None:
    survives(json.dumps(value, indent=indent).encode("utf-8", "surrogatepass"), name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"request":', b'{"messages":[{"content":['])
def test_deep_nesting(name: str, opening: bytes) -> None:
    survives(opening * 100_000, name)
    survives(opening * 5_000 + b"\n{}\n", name)


@quick
@given(content=st.binary(max_size=2000), cut=st.integers(0, 400), zstd=st.booleans())
def test_damaged_archive(content: bytes, cut: int, zstd: bool) -> None:
    text = b'{"request_id":"a","account_id":"b"}\n' + content
    packed = zstandard.compress(text) if zstd else gzip.compress(text)
    survives(packed[: max(5, len(packed) - cut)], "stillwatch")
    survives(packed[:20] + content[:50] + packed[20:], "stillwatch")


@quick
@given(content=st.binary(max_size=300) | st.text().map(lambda t: b"account_id,plan\n" + t.encode()))
def test_arbitrary_account_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "accounts")
        path.write_bytes(content)
        try:
            table = read_accounts(path).table
        except StillwatchError:
            return
        table.validate(full=True)
