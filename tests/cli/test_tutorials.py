"""The tutorials of customers and of model builders, as a reader would follow them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
ELSEWHERE = ("pip install", "python -m bench.")
"""Blocks that set up, or that need data which is not here."""


def blocks(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if not any(words in block for words in ELSEWHERE)]


@pytest.mark.parametrize(
    ("page", "made", "said"),
    [
        (
            "selfcheck.md",
            ["check/selfcheck.html", "check.json"],
            ["This reads like: one queue over several accounts", "several_accounts", "one_queue"],
        ),
        (
            "provenance.md",
            [
                "result/manifest.json",
                "result/bom.json",
                "result/rows.parquet",
                "result/report.html",
            ],
            ["generated: copy 60", "exit code 1", "39 of 150 rows (26 %)"],
        ),
    ],
)
def test_tutorial_runs_and_shows_what_it_says(
    tmp_path: Path, page: str, made: list[str], said: list[str]
) -> None:
    own = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks(page))],
        cwd=tmp_path,
        env=os.environ | {"PATH": own, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in made if not (tmp_path / name).is_file()] == []
    shown = done.stdout + done.stderr
    assert [text for text in said if text not in shown] == []
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [line for line in said[:1] if line not in text] == []
