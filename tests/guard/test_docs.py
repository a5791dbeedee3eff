from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stillwatch.guard import Policy, parse_policy
from stillwatch.guard.adapters.forward_auth import FIELDS
from stillwatch.guard.toml_file import Section
from stillwatch.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "policy.md").read_text(encoding="utf-8")


def keys(section: Section, prefix: str = "") -> Iterator[tuple[str, object]]:
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Section):
            yield from keys(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def test_every_key_of_a_policy_is_described_and_no_other() -> None:
    known = {name for name, _ in keys(Policy())}
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}
    assert described == known


def test_described_defaults_are_those_of_the_code() -> None:
    for name, value in keys(Policy()):
        row = next(line for line in PAGE.splitlines() if re.match(rf"\| .*`{name}`", line))
        names = re.findall(r"`([a-z_.]+)`", row.split("|")[1])
        shown = row.split("|")[2]
        given = re.findall(r"`([^`]*)`", shown)
        plain = value if isinstance(value, str | int | float | bool) else str(value)
        if "none" in shown and not given:
            assert value in (None, {}, "")
        elif isinstance(value, tuple):
            assert tuple(given) == value
        else:
            text = given[names.index(name)].strip('"') if len(given) == len(names) else given[0]
            expected = str(plain).lower() if isinstance(plain, bool) else str(plain)
            assert text.strip('"') == expected.removesuffix(".0")


def test_the_pages_example_is_a_policy() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert parse_policy(example).mode == "enforce"


def test_settings_and_headers_are_described() -> None:
    guard = (DOCS / "guard.md").read_text(encoding="utf-8")
    table = guard.split("| key of `stillwatch.toml`")[1].split("\n\n")[0]
    described = {
        n for row in table.splitlines() for n in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }
    assert described >= {field.name for field in msgspec.structs.fields(Settings)}
    gateways = (DOCS / "gateways.md").read_text(encoding="utf-8").lower()
    for field, header in FIELDS.items():
        assert f"`{field}` | `{header}`" in gateways
