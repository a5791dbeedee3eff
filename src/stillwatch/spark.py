"""Spark as the engine: Ibis's backend with what it lacks.

Ibis 12.0 hands results over by way of pandas, in which a column of integers with a null becomes
floating point and a 64-bit key loses its last digits; and it forgets to register tables of this
process that a cached expression refers to. Both go by way of Arrow here.
"""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING, Any, TypeVar

import ibis
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.formats.pyarrow import PyArrowSchema
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PythonException
from pyspark.sql import SparkSession

from stillwatch.ahead import with_ahead
from stillwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import ibis.expr.operations as ops
    import ibis.expr.types as ir

Item = TypeVar("Item")
Result = TypeVar("Result")

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""What results depend on, and what would write where nobody reads."""

_MISSING_CLASS = re.compile(r"ClassNotFoundException: Class (\S+) not found")


class SparkBackend(Backend):  # type: ignore[misc]
    """An Ibis backend on a Spark session."""

    def read_parquet(self, paths: Sequence[str], /, *, table_name: str, **_: Any) -> ir.Table:
        """The rows of several files as one table.

        Raises:
            InputError: Spark does not see the files, or lacks what reads their file system.
        """
        try:
            files = self._session.read.parquet(*paths)
        except AnalysisException as error:
            raise InputError(
                "Spark does not see these files; it has to reach them under the same path or URL "
                f"({str(error).partition(chr(10))[0]})",
                file=paths[0],
            ) from error
        except Py4JJavaError as error:
            missing = _MISSING_CLASS.search(str(error))
            if missing is None:
                raise
            raise InputError(
                f"this Spark has no {missing[1]}: give it the package of that file system, for "
                "S3 with --packages org.apache.hadoop:hadoop-aws:VERSION (docs/spark.md)",
                file=paths[0],
            ) from error
        files.createOrReplaceTempView(table_name)
        return self.table(table_name)

    def to_pyarrow(self, expr: ir.Expr, /, **_: Any) -> Any:
        """Run an expression and collect its result through Arrow."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        found = self._session.sql(self.compile(table)).toArrow()
        return expr.__pyarrow_result__(found.cast(PyArrowSchema.from_ibis(table.schema())))

    def side_by_side(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Work on items on the workers, each in a job of its own, and give the results in order.

        Args:
            function: of a module that the workers can import.
            items: they and their results can be pickled.

        Raises:
            UsageError: the workers cannot import the function's module.
        """

        def one(item: Item) -> Result:
            # in the function and not in a table, whose content may stand in Spark's own logs
            def there(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
                for _ in batches:
                    done = [pickle.dumps(function(item))]
                    yield pa.record_batch({"done": pa.array(done, pa.binary())})

            try:
                (row,) = self._session.range(0, 1, 1, 1).mapInArrow(there, "done binary").collect()
            except PythonException as error:
                if "No module named 'stillwatch'" not in str(error):
                    raise
                raise UsageError(
                    "the workers have no Stillwatch to read the log with: install it in their "
                    "Python (PYSPARK_PYTHON), or scan here without --engine and then the sketches "
                    "with --sketches (docs/spark.md)"
                ) from error
            result: Result = pickle.loads(row.done)  # noqa: S301 - from our own workers
            return result

        spark = self._session.sparkContext
        jobs = with_ahead(one, items, workers=spark.defaultParallelism)
        try:
            # not `yield from`, which at an error would wait for all jobs before they are cancelled
            for done in jobs:  # noqa: UP028
                yield done
        finally:
            spark.cancelAllJobs()
            jobs.close()

    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        self._run_pre_execute_hooks(expr)
        return super()._create_cached_table(name, expr)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        data: pa.Table = op.data.to_pyarrow(op.schema)
        self._session.createDataFrame(data).createOrReplaceTempView(op.name)


def connect_spark(master: str | None, *, memory: int) -> SparkBackend:
    """A backend on Spark.

    Args:
        master: URL of the cluster; None leaves it to `spark-submit` and its settings.
        memory: bytes of the driver, where this process starts it.
    """
    builder = SparkSession.builder.appName("stillwatch")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    if master is not None:
        builder = builder.master(master).config("spark.driver.memory", f"{memory >> 20}m")
    # Ibis sets up a backend's options when it is first asked for that backend by name
    ibis.pyspark  # noqa: B018
    backend = SparkBackend()
    backend.do_connect(builder.getOrCreate())
    return backend
