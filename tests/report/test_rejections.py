from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError
from stillwatch.readers.rejections import Rejection, RejectionFile
from stillwatch.report.rejections import tally

from . import invented

if TYPE_CHECKING:
    from pathlib import Path


def test_reasons_are_counted_the_most_common_first() -> None:
    found = tally(invented.REJECTED)
    assert (found.lines, found.other_lines) == (1_043, 0)
    assert [(reason.field, reason.lines) for reason in found.reasons] == [
        ("timestamp", 900),
        ("(record)", 143),
    ]
    assert found.reasons[0].places[0] == ("logs/2026-04.jsonl.zst", 10)


def test_a_file_counts_as_the_rejections_that_were_written_to_it(tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    with RejectionFile(path) as file:
        file.write(invented.REJECTED)
    assert tally(path) == tally(invented.REJECTED)


def test_memory_is_bounded_where_every_reason_differs() -> None:
    found = tally(Rejection("log", n, "model", f"{n} is not text") for n in range(7_000))
    assert found.lines == 7_000
    assert len(found.reasons) == 12
    assert found.other_lines == 6_988


def test_no_file_is_no_rejection(tmp_path: Path) -> None:
    assert tally(tmp_path / "rejected.jsonl").lines == 0


@pytest.mark.parametrize("line", ["{", '{"file": "a"}', '"\\ud800"', "7"])
def test_a_line_that_is_no_rejection_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rejected.jsonl"
    path.write_text('{"file":"a","line":1,"field":"b","reason":"c"}\n' + line + "\n")
    with pytest.raises(InputError) as refused:
        tally(path)
    assert refused.value.line == 2
