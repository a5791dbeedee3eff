from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from stillwatch.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCENARIO = """
days = 4
[groups.individuals]
accounts = 40
[groups.popular_app]
accounts = 15
[groups.loud_hydra]
accounts = 12
"""


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run the command line in this process; the result keeps stdout and stderr apart."""

    def run_command(*arguments: str | Path, stdin: bytes | None = None) -> Any:
        return CliRunner().invoke(app, [str(part) for part in arguments], input=stdin)

    return run_command


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny simulated provider: a log, its accounts and the truth."""
    folder = tmp_path_factory.mktemp("provider")
    (folder / "scenario.toml").write_text(SCENARIO)
    done = CliRunner().invoke(
        app,
        ["lab", "simulate", "--scenario", f"{folder}/scenario.toml", "--out", f"{folder}/log"],
    )
    assert done.exit_code == 0, done.stderr
    return folder / "log"
