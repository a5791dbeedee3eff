"""Where tables live: one Ibis backend, DuckDB by default, with bounded memory and a place to spill.

Everything above this module sees Ibis tables and does not know the engine, but for one question:
whether it spreads its tables over machines.
"""

from __future__ import annotations

import errno
import gc
import glob
import re
import shutil
import warnings
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from stillwatch.errors import InputError, UsageError, told_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from stillwatch.place import Place

Backend = Any
"""An Ibis backend; Ibis has no static types of its own to name here."""

DUCKDB, SPARK = "duckdb", "spark"

_MASTER = re.compile(r"^(spark|yarn|local(\[.+\])?|(spark|k8s)://\S+)$", re.ASCII)

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?)B?\s*$", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of a size such as ``4GB`` or ``512MiB``.

    Raises:
        UsageError: the text is not a size.
    """
    match = _SIZE.match(text)
    number, unit = match.groups() if match else ("0", "K")
    power = "kmgt".index(unit[0].lower()) + 1
    size = int(float(number) * (1024 if len(unit) == 2 else 1000) ** power)
    if size <= 0:
        raise UsageError(f"{text!r} is not a size; write it like 4GB or 512MiB")
    return size


def connect(*, memory: str = "4GB", spill: Path | None = None) -> Backend:
    """A DuckDB backend that keeps under `memory` bytes and spills to the folder `spill`."""
    import ibis  # noqa: PLC0415 - a second of import time, paid by those who query

    settings: dict[str, Any] = {
        "memory_limit": f"{parse_size(memory)}B",
        "preserve_insertion_order": False,
    }
    if spill is not None:
        settings["temp_directory"] = str(spill)
    backend = ibis.duckdb.connect(**settings)
    # it would draw on standard output where there is no terminal to know better
    backend.con.execute("SET enable_progress_bar = false")
    return backend


def check_engine(engine: str) -> None:
    """Refuse what names no engine.

    Raises:
        UsageError: it is neither `DUCKDB`, `SPARK` nor the URL of a Spark master, or the packages
            of Spark are missing.
    """
    if engine == DUCKDB:
        return
    if not _MASTER.match(engine):
        raise UsageError(
            f"--engine is duckdb, spark, or the URL of a Spark master such as "
            f"spark://host:7077, not {engine!r}"
        )
    if find_spec("pyspark") is None:
        raise UsageError("--engine spark needs PySpark: pip install 'stillwatch[spark]'")


@contextmanager
def session(*, memory: str = "4GB", spill: Path, engine: str = DUCKDB) -> Iterator[Backend]:
    """A backend for one piece of work, closed with all its temporary tables and spilled files.

    Args:
        memory: most that the engine may take of this process's machine.
        spill: the folder where DuckDB puts what does not fit.
        engine: `DUCKDB`; `SPARK`, whose master and settings come from `spark-submit`; or the URL of
            a Spark master.
    """
    if engine == DUCKDB:
        backend = connect(memory=memory, spill=spill)
    else:
        backend = _connect_spark(None if engine == SPARK else engine, parse_size(memory))
    try:
        yield backend
        # Ibis drops a cached table when nothing refers to it; that must come before the end.
        # After an error the traceback still refers to them, and the end of the process cleans up.
        gc.collect()
        backend.disconnect()
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def with_room(spill: Path) -> Iterator[None]:
    """Say in plain words that what does not fit into memory does not fit on the disk, either.

    Args:
        spill: the folder of the session.

    Raises:
        InputError: in place of the exceptions of the engine and of the system.
    """
    import duckdb  # noqa: PLC0415 - as in `connect`

    try:
        yield
    except (OSError, duckdb.OutOfMemoryException, duckdb.IOException) as error:
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        if isinstance(error, OSError) and not full:
            raise
        raise InputError(
            f"there is no room for what does not fit into memory: {told_by(error)}; a scan puts "
            "aside about 220 bytes for each request here; make room, or give more --memory",
            file=str(spill),
        ) from error


def _connect_spark(master: str | None, memory: int) -> Backend:
    # tables go by way of Arrow, so it does not matter which pandas PySpark supports
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from stillwatch.spark import connect_spark  # noqa: PLC0415 - an extra

    return connect_spark(master, memory=memory)


def spill_folder(backend: Backend) -> Path:
    """The folder where a DuckDB backend puts what does not fit, made if need be."""
    ((folder,),) = backend.con.execute("SELECT current_setting('temp_directory')").fetchall()
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


def spreads(table: ir.Table) -> bool:
    """Whether a table's engine spreads it over machines."""
    return bool(table.get_backend().name != DUCKDB)


@contextmanager
def held(backend: Backend, table: pa.Table) -> Iterator[ir.Table]:
    """A table in memory for the engine to read, which lets go of it in the end.

    Ibis keeps its own tables in memory (`ibis.memtable`) until the process ends; that will do for
    small ones.
    """
    import ibis  # noqa: PLC0415 - as above

    if backend.name != DUCKDB:
        yield ibis.memtable(table)
        return
    name = ibis.util.gen_name("held")
    backend.con.register(name, table)
    try:
        yield backend.table(name)
    finally:
        backend.con.unregister(name)


def gathered(backend: Backend, answers: Iterable[ir.Table | pa.Table]) -> ir.Table:
    """Answers in one table of a DuckDB backend, which goes when nothing refers to it.

    Args:
        backend: of the answers.
        answers: at least one; each is stored before the next one is made.
    """
    import ibis  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415 - as above

    name = ibis.util.gen_name("answers")
    table = None
    for answer in answers:
        own = held(backend, answer) if isinstance(answer, pa.Table) else nullcontext(answer)
        with own as expression:
            if table is None:
                table = backend.create_table(name, expression, temp=True)
                finalize(table.op(), backend.drop_table, name).atexit = False
            else:
                backend.insert(name, expression)
    return table


def read_parquet(
    backend: Backend, place: Place, names: Sequence[str], schema: pa.Schema, table_name: str
) -> ir.Table:
    """Files of one schema as one table, which reads only the columns and rows that are asked for.

    Spark's workers read the files themselves. DuckDB reads those of this machine itself; of other
    file systems it reads through Arrow, which fetches many pieces at a time.

    Args:
        backend: where the table is to be.
        place: where the files lie.
        names: of the files; with none the table is empty.
        schema: of the files.
        table_name: for the engine; there is no other table of that name.
    """
    if not names:
        return backend.create_table(table_name, schema=schema, temp=True, overwrite=True)
    if backend.name != DUCKDB:
        paths = literals(map(place.hadoop_path, names))
        return backend.read_parquet(paths, table_name=table_name)
    if place.local:
        paths = literals(map(place.path, names))
        return backend.read_parquet(paths, table_name=table_name, hive_partitioning=False)
    backend.con.register(table_name, _dataset(place, names, schema))
    return backend.table(table_name)


def _dataset(place: Place, names: Sequence[str], schema: pa.Schema) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.dataset as ds  # noqa: PLC0415 - as above

    # to the engine lists of a fixed length are another type, which reading by itself never gives
    fields = [
        field.with_type(pa.list_(field.type.value_type))
        if pa.types.is_fixed_size_list(field.type)
        else field
        for field in schema
    ]
    paths = [place.path(name) for name in names]
    return ds.dataset(paths, schema=pa.schema(fields), format="parquet", filesystem=place.files)


def literals(paths: Iterable[str | Path]) -> list[str]:
    """Paths in which no engine finds a pattern."""
    return [glob.escape(str(path)) for path in paths]
