"""Sketches on their way to object storage, and scans of them there."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.objects import contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def sketches(provider: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a scan made of the tiny provider's log."""
    from typer.testing import CliRunner

    from stillwatch.cli.app import app

    out = tmp_path_factory.mktemp("scanned")
    log = provider / "requests.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STILLWATCH_KEY", "5c" * 32)
        done = CliRunner().invoke(app, ["scan", str(log), "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.stderr
    return out / "sketches"


def test_a_scan_from_object_storage_gives_the_same_bytes(
    run: Callable[..., Any], provider: Path, sketches: Path, bucket: str, tmp_path: Path
) -> None:
    url = f"{bucket}/provider/sketches"
    done = run("sketches", "copy", sketches, url)
    assert done.exit_code == 0, done.stderr
    assert "0 lay there already, 0 removed" in done.stdout
    assert "copying: " in done.stderr
    before = contents(url)
    for name, where in (("here", sketches), ("there", url)):
        out = tmp_path / name
        accounts = provider / "accounts.jsonl"
        done = run("scan", "--sketches", where, "--accounts", accounts, "--out", out, "--quiet")
        assert (done.exit_code, done.stderr) == (0, "")
        assert not (out / "spill").exists()
    here, there = tmp_path / "here", tmp_path / "there"
    found = (there / "campaigns.json").read_bytes()
    assert json.loads(found)["summary"]["sources"] == [[url, "sketches"]]
    assert json.loads(found)["campaigns"]
    named = (here / "campaigns.json").read_bytes().replace(str(sketches).encode(), url.encode())
    assert found == named
    tables = [(folder / "accounts.parquet").read_bytes() for folder in (here, there)]
    assert tables[0] == tables[1]
    assert contents(url) == before  # it was only read
    done = run("sketches", "copy", sketches, url, "--json", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "sent": 0,
        "size": 0,
        "kept": len(before) - 1,
        "removed": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--sketches", "{bucket}-not/p"), 1, "there is no such bucket; make it first"),
        (("--sketches", "{bucket}/nothing"), 1, "this is no folder of sketches"),
        (("--sketches", "ftp://host/sketches"), 2, "a URL begins with s3://, gs://"),
        (("--sketches", "s3://KEY:SECRET@bucket/p"), 2, "put credentials into the environment"),
        (("{bucket}/log.jsonl",), 2, "only --sketches takes a URL"),
        (("--sketches", "{unsealed}"), 1, "not sealed yet: scan them where they were made"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    run: Callable[..., Any],
    sketches: Path,
    bucket: str,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    unsealed = shutil.copytree(sketches, tmp_path / "unsealed")
    (unsealed / "incoming" / "2026-04-22").mkdir(parents=True)
    (unsealed / "incoming" / "2026-04-22" / "000007.parquet").touch()
    places = {"bucket": bucket, "unsealed": unsealed.as_uri()}
    given = [part.format(**places) for part in arguments]
    done = run("scan", *given, "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr


def test_another_key_and_an_endpoint_that_nobody_serves(
    run: Callable[..., Any],
    sketches: Path,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"{bucket}/p"
    assert run("sketches", "copy", sketches, url, "--quiet").exit_code == 0
    monkeypatch.setenv("STILLWATCH_KEY", "6d" * 32)
    done = run("scan", "--sketches", url, "--out", tmp_path, "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{url}: these sketches were made with another key" in done.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    done = run("scan", "--sketches", url, "--out", tmp_path, "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{url}: it cannot be reached; look at the endpoint" in done.stderr
