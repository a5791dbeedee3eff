"""Facts about the repository that must hold, whoever changes it."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stillwatch import __version__
from stillwatch.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "src").rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECIDING = sorted(
    path
    for name in ("campaigns", "signals")
    for path in (ROOT / "src/stillwatch" / name).glob("*.py")
)
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
HEAVY = ("duckdb", "ibis", "numba", "numpy", "pandas", "pyarrow", "scipy", "rich", "pydantic")


def modules_loaded_by(code: str) -> set[str]:
    """Run `code` in a fresh interpreter and return the top-level packages it loaded."""
    report = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))), (
        "the module has no docstring"
    )


def test_import_is_light() -> None:
    assert modules_loaded_by("import stillwatch").isdisjoint(HEAVY)


def test_help_loads_no_engine() -> None:
    code = "from stillwatch.cli.app import app\napp(['--help'], standalone_mode=False)"
    assert modules_loaded_by(code).isdisjoint(set(HEAVY) - {"rich"})


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)
    pins = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    unhashed = [pin.split()[0] for pin in pins if "==" in pin and "--hash=sha256:" not in pin]
    assert not unhashed


def test_locks_agree() -> None:
    core, dev = (_pins(ROOT / "requirements" / name) for name in ("core.txt", "dev.txt"))
    assert core
    assert core.items() <= dev.items()


def _pins(lock: Path) -> dict[str, str]:
    """Versions by name; tools need some packages on more platforms, so these may differ."""
    return dict(
        re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    )


def test_core_dependencies_are_not_copyleft() -> None:
    copyleft = {
        name: licence
        for name in _core_distributions()
        for licence in _licences(name)
        if re.search(r"\b[AL]?GPL|General Public", licence) and " OR " not in licence
    }
    assert not copyleft


def _core_distributions() -> set[str]:
    """Return what a core install pulls in, by the installed packages' own metadata."""
    environment = {key: str(value) for key, value in default_environment().items()} | {"extra": ""}
    found: set[str] = set()
    waiting = ["stillwatch"]
    while waiting:
        name = waiting.pop()
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            wanted = requirement.marker is None or requirement.marker.evaluate(environment)
            dependency = canonicalize_name(requirement.name)
            if wanted and dependency not in found:
                found.add(dependency)
                waiting.append(dependency)
    assert "duckdb" in found
    return found


def _licences(distribution: str) -> list[str]:
    metadata = importlib.metadata.metadata(distribution)
    if "License-Expression" in metadata:
        return [metadata["License-Expression"]]
    return [c for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]


def _commands() -> Iterator[tuple[str, Any]]:
    """Yield the words and the click object of every command that does something itself."""
    waiting = [("stillwatch", typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        below = getattr(command, "commands", {})
        waiting.extend((f"{words} {name}", child) for name, child in below.items())
        if not below:
            yield words, command


COMMANDS = dict(_commands())


def _cli_section(words: str) -> str:
    sections = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").split("\n## ")
    (section,) = (part for part in sections if re.match(rf"`{words}[ `]", part))
    return section


@pytest.mark.parametrize("words", COMMANDS)
def test_command_is_documented_with_its_options(words: str) -> None:
    section = _cli_section(words)
    options = {name for p in COMMANDS[words].params for name in p.opts if name.startswith("-")}
    assert options - {"--help", "-h"} == set(re.findall(r"`(--?[a-z-]+)`(?=[ ,].*\|)", section))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def _thresholds() -> dict[str, float]:
    """Return the numbers that detection names in capitals, but for units and how much is shown."""
    found = {}
    for path in DECIDING:
        module = importlib.import_module(f"stillwatch.{path.parent.name}.{path.stem}")
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            names = [
                n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)
            ]
            for name in names:
                value = getattr(module, name)
                if re.fullmatch(r"[A-Z][A-Z_]*", name) and isinstance(value, int | float):
                    found[f"{path.stem}.{name}"] = float(value)
    return {
        name: value
        for name, value in found.items()
        if name not in {"concealment.DAY", "detect.STEPS", "moves.DAY", "write.REASONS"}
    }


def test_method_lists_every_threshold_with_its_value() -> None:
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+\.[A-Z_]+)` \| ([0-9.e-]+) \| \S", page, re.MULTILINE)
    listed = {name: float(value) for name, value in rows}
    assert len(rows) == len(listed)
    thresholds = _thresholds()
    assert set(listed) == set(thresholds)
    assert listed == pytest.approx(thresholds, rel=2e-3)


def test_architecture_lists_the_layers_that_the_linter_checks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| layer |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert [re.findall(r"`(\w+)`", row) for row in rows] == [
        re.findall(r"\w+", layer) for layer in contract["layers"]
    ]


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_missing_program_is_named_and_fails_where_it_is_required(
    tmp_path: Path, required: str, outcome: str
) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.binary('no-such-program', package='its-package')\n"
        "def test_it(): raise AssertionError('ran')\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"STILLWATCH_REQUIRE_BINARIES": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout
    assert "no-such-program is not installed: apt-get install its-package" in done.stdout
    assert "AssertionError" not in done.stdout


def test_changelog_knows_this_version() -> None:
    headings = re.findall(
        r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert __version__ in headings
