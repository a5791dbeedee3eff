"""`stillwatch cases` and `stillwatch lab signups` as people call them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests import invented_scan
from typer.testing import CliRunner

from stillwatch.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return done.exit_code, done.stdout, done.stderr


def test_import_opens_cases_once(tmp_path: Path) -> None:
    folder, accounts = invented_scan.write(
        tmp_path / "scan", invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9)))
    )
    call = ("cases", "import", folder, "--accounts", accounts, "--database", tmp_path / "c.db")
    code, out, _ = run(*call, "--json", "--quiet")
    assert code == 0
    assert json.loads(out)["opened"] == ["C-1"]
    code, out, _ = run(*call, "--quiet")
    assert (code, "taken in before" in out) == (0, True)


def test_feedback_and_the_trail_come_out_as_lines(tmp_path: Path) -> None:
    folder, _ = invented_scan.write(
        tmp_path / "scan", invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9)))
    )
    database = tmp_path / "c.db"
    run("cases", "import", folder, "--database", database, "--quiet")
    code, out, _ = run("cases", "audit", "--database", database)
    assert code == 0
    entries = [json.loads(line) for line in out.splitlines()]
    assert [entry["action"] for entry in entries] == ["scan.import", "case.open"]
    assert run("cases", "feedback", "--database", database) == (0, "", "")


def test_the_ledger_takes_the_trail_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "7a" * 32)
    folder, _ = invented_scan.write(
        tmp_path / "scan", invented_scan.campaign("c-1", tuple(f"a{n}" for n in range(9)))
    )
    database, ledger = tmp_path / "c.db", tmp_path / "ledger"
    run("cases", "import", folder, "--database", database, "--quiet")
    take = ("ledger", "take", "--database", database, "--ledger", ledger)
    code, out, err = run(*take)
    assert (code, out.startswith("2 entries taken")) == (0, True), err
    assert run(*take)[1].startswith("0 entries taken")
    code, out, _ = run("ledger", "show", "--ledger", ledger, "--json")
    taken = [entry for entry in json.loads(out) if entry["payload"].get("source") == "audit"]
    assert [entry["kind"] for entry in taken] == ["scan.import", "case.open"]
    names = {f"a{n}" for n in range(9)}  # accounts are named by commitments
    assert not names & set(re.findall(r"\w+", out))
    assert run("verify", "ledger", ledger)[0] == 0


@pytest.mark.parametrize("database", ["mongo://x", "postgresql+nothing://x"])
def test_a_wrong_address_is_a_usage_error(tmp_path: Path, database: str) -> None:
    code, _, err = run("cases", "import", tmp_path, "--database", database)
    assert code == 2
    assert "database address" in err
