"""Spark as the engine: a standalone cluster of a master and two workers on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.test_ingest import lines, write
from tests.worlds import HYDRA

import stillwatch
from stillwatch import errand
from stillwatch.copying import copy_store
from stillwatch.engine import check_engine, read_parquet, session
from stillwatch.errors import InputError, UsageError
from stillwatch.ingest import ingest
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.place import Place
from stillwatch.readers import open_log
from stillwatch.scanning import scan, workers
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.errand import Brought, Errand
    from stillwatch.ingest import Elsewhere

pytest.importorskip("pyspark", reason="pip install 'stillwatch[spark]'")

HOME = Path(sys.modules["pyspark"].__file__ or "").parent
KEY = "5c" * 32
WORLD = Scenario(days=6, groups=HYDRA | {"agency": {}})
DEFAULTS = """
spark.driver.memory 768m
spark.executor.memory 512m
spark.cores.max 2
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
# a small log is planned and compiled for longer than it is worked on
spark.sql.shuffle.partitions 2
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1
"""


@contextmanager
def daemon(folder: Path, *command: str, says: str) -> Iterator[re.Match[str]]:
    """A process of Spark's own, once its log says that it is up."""
    log = folder / f"{command[0].rpartition('.')[2]}-{len(list(folder.glob('*.log')))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [HOME / "bin" / "spark-class", *command], stdout=out, stderr=out, env=_environment()
        )
    try:
        deadline = time.monotonic() + 120
        while not (found := re.search(says, log.read_text("utf-8"))):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _environment() -> dict[str, str]:
    return os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The master's URL; processes of this one read small settings."""
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    package = "org.apache.spark.deploy"
    quiet = ("--host", "127.0.0.1", "--webui-port", "0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        with daemon(
            folder, f"{package}.master.Master", *quiet, "--port", "0",
            says=r"Starting Spark master at (spark://\S+)",
        ) as started:  # fmt: skip
            url = started[1]
            worker = (f"{package}.worker.Worker", *quiet, "--cores", "1", "--memory", "1g")
            up = "Successfully registered with master"
            with (
                daemon(folder, *worker, "--work-dir", str(folder / "one"), url, says=up),
                daemon(folder, *worker, "--work-dir", str(folder / "two"), url, says=up),
            ):
                yield url


@pytest.mark.binary("java", package="openjdk-17-jre-headless")
def test_verdicts_are_the_same_accounts_on_spark(cluster: str, tmp_path: Path) -> None:
    # the workers read a URL, whose signs written with % Hadoop takes as they are
    key = SketchKey.from_hex(KEY, source="the test")
    made = simulate_sketches(WORLD, tmp_path / "world", seed=1, key=key)
    here = scan(sketches=made.sketches, accounts=made.accounts, out=tmp_path / "duckdb", key=key)
    assert any(campaign.verdict == "distillation" for campaign in here.findings.campaigns)
    copied = (tmp_path / "copied to here" / "sketches").as_uri()
    assert "%20" in copied
    copy_store(made.sketches, copied)
    submitted = subprocess.run(
        [
            HOME / "bin" / "spark-submit", "--master", cluster,
            Path(stillwatch.__file__).parent / "__main__.py",
            "scan", "--engine", "spark", "--quiet", "--sketches", copied,
            "--accounts", made.accounts, "--out", tmp_path / "spark",
        ],
        env=_environment() | {"STILLWATCH_KEY": KEY}, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    columns = ["account_id", "verdict", "campaign_id", "requests"]
    there = pq.read_table(tmp_path / "spark" / "accounts.parquet", columns=columns)
    assert there.equals(here.accounts.select(columns))


@pytest.mark.binary("java", package="openjdk-17-jre-headless")
def test_a_log_is_sketched_by_the_workers(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same days and rejections as on one machine, read by processes of the two workers."""
    monkeypatch.setattr(errand, "ERRAND_BYTES", 20_000)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    logs = [
        str(write(tmp_path / f"{i}.jsonl", lines(150, 150 * i, bad_every=10))) for i in range(4)
    ]
    key = SketchKey.from_hex(KEY, source="the test")

    def taken(out: Path, elsewhere: Elsewhere | None = None) -> dict[str, bytes]:
        store = SketchStore.open(out / "sketches", key.fingerprint)
        store.spill.mkdir()
        rejected = out / "rejected.jsonl"
        ingest(open_log(logs), store, Sketcher(key), rejected, elsewhere=elsewhere)
        store.seal()
        written = [*sorted((store.path / "days").iterdir()), rejected]
        return {file.name: file.read_bytes() for file in written}

    here = taken(tmp_path / "here")
    files: list[int] = []

    def noting(done: Iterator[tuple[Errand, Brought]]) -> Iterator[tuple[Errand, Brought]]:
        for one, brought in done:
            files.append(len(one.files))
            assert brought.folder.parent == tmp_path / "there" / "sketches" / "spill"
            yield one, brought

    def without_stillwatch(_: int) -> None:
        raise ModuleNotFoundError("No module named 'stillwatch'")

    home = SketchStore.open(tmp_path / "there" / "sketches", key.fingerprint)
    with workers(home, "1GB", cluster) as elsewhere:
        assert isinstance(elsewhere, partial)
        there = taken(tmp_path / "there", lambda given: noting(elsewhere(given)))
        with pytest.raises(UsageError, match="the workers have no Stillwatch to read the log"):
            list(elsewhere.func(without_stillwatch, [1]))
    assert files == [1] * 4
    assert len(there) > 1
    assert there == here


@pytest.mark.binary("java", package="openjdk-17-jre-headless")
def test_keys_keep_their_digits_and_tables_of_this_process_can_be_cached(
    cluster: str, tmp_path: Path
) -> None:
    keys = [2**62 + 1, None, -(2**63)]
    with session(engine=cluster, spill=tmp_path / "spill") as backend:
        path = tmp_path / "keys.parquet"
        pq.write_table(pa.table({"key": pa.array(keys, pa.int64()), "row": [0, 1, 2]}), path)
        table = read_parquet(backend, Place.of(tmp_path), ["keys.parquet"], pa.schema([]), "keys")
        assert table.order_by("row").to_pyarrow().column("key").to_pylist() == keys
        mine = ibis.memtable(pa.table({"key": pa.array(keys[:1], pa.int64())}))
        kept = table.semi_join(mine, "key").cache()
        assert kept.to_pyarrow().column("row").to_pylist() == [0]
        with pytest.raises(InputError, match="Spark does not see these files"):
            backend.read_parquet([f"{tmp_path}/missing.parquet"], table_name="missing")
        with pytest.raises(InputError, match=r"this Spark has no \S+S3AFileSystem: give it"):
            backend.read_parquet(["s3a://bucket/day.parquet"], table_name="missing")


@pytest.mark.parametrize("name", ["duck", "http://host", "spark://", "sparkling", ""])
def test_what_names_no_engine_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--engine is duckdb, spark, or the URL"):
        check_engine(name)
