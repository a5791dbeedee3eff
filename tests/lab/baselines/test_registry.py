from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from stillwatch.errors import UsageError
from stillwatch.lab.baselines import BASELINES, named
from stillwatch.schema import REQUESTS

from .conftest import accused

if TYPE_CHECKING:
    from .conftest import Log


def test_names_are_checked_and_kept_in_order() -> None:
    assert named(["all"]) == tuple(BASELINES)
    assert named(["none"]) == ()
    assert named(["FRAUDAR", "rate limit", "FRAUDAR"]) == ("FRAUDAR", "rate limit")
    with pytest.raises(UsageError, match=r"'oracle'.*SynchroTrap"):
        named(["oracle"])


@pytest.mark.parametrize("name", BASELINES)
def test_every_account_gets_one_row_whatever_the_order_of_requests(name: str, log: Log) -> None:
    table = log.people().ring().requests
    one = BASELINES[name](table, log.declared)
    assert one.schema.names == ["account_id", "score", "accused"]
    assert one.column("account_id").to_pylist() == sorted(set(table["account_id"].to_pylist()))
    if name == "MMD window":
        return  # its pool is a sample of rows
    backwards = table.take(pa.array(range(len(table) - 1, -1, -1)))
    assert accused(BASELINES[name](backwards, log.declared)) == accused(one)


@pytest.mark.parametrize("name", BASELINES)
def test_a_log_without_evidence_or_without_requests_accuses_nobody(name: str, log: Log) -> None:
    bare = log.people().requests
    for column in ("client_address", "tls_fingerprint", "output_tokens"):
        empty = pa.nulls(len(bare), bare.schema.field(column).type)
        bare = bare.set_column(bare.schema.get_field_index(column), column, empty)
    assert accused(BASELINES[name](bare, None)) == set()
    assert len(BASELINES[name](REQUESTS.empty_table(), None)) == 0
