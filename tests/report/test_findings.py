from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.errors import InputError
from stillwatch.findings import dump_findings, load_findings

from . import invented

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.schema import Findings


def test_findings_come_back_as_they_went(rich: Findings, tmp_path: Path) -> None:
    path = tmp_path / "campaigns.json"
    path.write_bytes(dump_findings(rich))
    again = load_findings(path)
    assert again == rich
    assert dump_findings(again) == path.read_bytes()


def test_equal_findings_give_equal_bytes(rich: Findings) -> None:
    first, *others = rich.campaigns
    turned = replace(first, capabilities=dict(reversed(first.capabilities.items())))
    assert list(turned.capabilities) != list(first.capabilities)
    assert dump_findings(replace(rich, campaigns=(turned, *others))) == dump_findings(rich)


def test_shares_come_back_largest_first(tmp_path: Path) -> None:
    made = invented.campaign(1, 3, capabilities={"code": 0.1, "writing": 0.7, "grading": 0.2})
    path = tmp_path / "campaigns.json"
    path.write_bytes(dump_findings(invented.findings(made)))
    assert list(load_findings(path).campaigns[0].capabilities) == ["writing", "grading", "code"]


def test_the_file_is_indented_json(rich: Findings) -> None:
    written = dump_findings(rich).decode()
    assert written.endswith("}\n")
    assert '\n  "summary": {\n' in written
    assert len(json.loads(written)["campaigns"]) == len(rich.campaigns)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    made = invented.findings(invented.campaign(1, 3, e_value=number))
    with pytest.raises(ValueError, match="infinite or undefined"):
        dump_findings(made)


def broken(path: Path, rich: Findings, *where: str | int, value: Any) -> Path:
    """Write `rich` with one field changed."""
    tree = json.loads(dump_findings(rich))
    place = tree
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    path.write_text(json.dumps(tree))
    return path


@pytest.mark.parametrize(
    ("where", "value", "field"),
    [
        (("format",), "stillwatch/campaigns/0", "format"),
        (("campaigns", 1, "requests"), "many", "campaigns[1].requests"),
        (("campaigns", 0, "links", 2, "source"), 372, "campaigns[0].links[2]"),
        (("campaigns", 0, "links", 2, "target"), -1, "campaigns[0].links[2]"),
        (("campaigns", 2, "hours"), [1.0], "campaigns[2].hours"),
        (("summary", "timeline", 3, "day"), "2026-02-30", "summary.timeline[3].day"),
        (("campaigns", 0, "timeline", 0, "day"), "20260422", "campaigns[0].timeline[0].day"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_with_the_field(
    rich: Findings, tmp_path: Path, where: tuple[str | int, ...], value: Any, field: str
) -> None:
    path = broken(tmp_path / "campaigns.json", rich, *where, value=value)
    with pytest.raises(InputError) as refused:
        load_findings(path)
    assert refused.value.field == field
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"format": "\xff"}', b"null"])
def test_no_content_makes_another_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "campaigns.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_findings(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read"):
        load_findings(tmp_path / "nothing.json")
