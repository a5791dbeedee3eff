from __future__ import annotations

import re
from pathlib import Path

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.selfcheck.terms import USES, Clause, Terms, compare, examples, load_terms

PAGE = Path(__file__).resolve().parents[2] / "docs" / "terms.md"


@pytest.mark.parametrize("name", examples())
def test_examples_are_terms_of_nobody(name: str) -> None:
    assert "example" in load_terms(name).provider


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("title = 'T'\n[use.product]\nanswer = 'perhaps'\nsays = ''\n", 3, "use.product.answer"),
        ('title = "T"\n\n[use.prodct]\nanswer = "ask"\n', 3, "use.prodct"),
        (
            'title = "T"\n[use.resale]\nanswer = "ask"\nsays = "x"\nneeds = ["luck"]\n',
            5,
            "use.resale.needs",
        ),
        ("titel = 1\n", 1, "titel"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_line_and_key(
    tmp_path: Path, text: str, line: int, field: str
) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        load_terms(str(path))
    assert told.value.line == line
    assert told.value.field.startswith(field)


def test_uses_are_compared_one_by_one() -> None:
    found = compare(load_terms("strict"), ["training"], {"training": "shown", "batch": "shown"})
    assert [(f.use, f.because, f.answer) for f in found.findings] == [
        ("batch", "shown", "allowed"),
        ("training", "declared", "ask"),
    ]
    assert found.findings[1].needs == ("written_permission",)


def test_silence_of_terms_is_no_permission() -> None:
    (found,) = compare(Terms(title="T"), ["resale"], {}).findings
    assert found.answer == "not said"


def test_unknown_use_and_unknown_terms_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="there are product, batch"):
        compare(load_terms("open"), ["cloning"], {})
    with pytest.raises(UsageError, match="examples are open, strict"):
        load_terms("no-such-terms")


def test_page_describes_every_key_and_use() -> None:
    page = PAGE.read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    keys = {*Terms.__struct_fields__, *Clause.__struct_fields__} - {"use"}
    assert described == keys | set(USES)
