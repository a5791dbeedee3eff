from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.schema import ACCOUNTS
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.traits import account_traits

SKETCHER = Sketcher(SketchKey.from_hex("5c" * 32, source="the tests"))
CREATED = datetime(2026, 3, 2, tzinfo=UTC)


def names(*ids: str) -> pa.Table:
    keys = SKETCHER.account_keys(pa.array(ids, pa.string()))
    return pa.table({"account": keys, "account_id": pa.array(ids, pa.string())})


def declared(**rows: dict[str, Any]) -> pa.Table:
    table = [{"account_id": name, **row} for name, row in rows.items()]
    return pa.Table.from_pylist(table, schema=ACCOUNTS)


def place(traits: Any, name: str) -> int:
    key = names(name).column("account")[0].as_py()
    return int(np.searchsorted(traits.account, key))


def test_equal_traits_have_equal_codes_and_unknown_ones_none() -> None:
    table = declared(
        a={"organization_id": "x", "email_domain": "d1", "created_at": CREATED},
        b={"organization_id": "x", "email_domain": "d2"},
        c={"payment_fingerprint": "p"},
    )
    traits = account_traits(names("a", "b", "c", "d"), table, SKETCHER)
    a, b, c, d = (place(traits, name) for name in "abcd")
    assert traits.organization[a] == traits.organization[b] >= 0
    assert traits.domain[a] != traits.domain[b]
    assert (traits.organization[c], traits.organization[d]) == (-1, -1)
    assert traits.payment[c] >= 0 > traits.payment[a]
    assert traits.created[a] == CREATED.timestamp()
    assert np.isnan(traits.created[[b, c, d]]).all()


def test_declared_accounts_that_are_not_in_the_log_change_nothing() -> None:
    few = declared(a={"organization_id": "x"})
    more = declared(z={"organization_id": "w"}, a={"organization_id": "x"})
    for table in (few, more):
        traits = account_traits(names("a", "b"), table, SKETCHER)
        assert len(traits.account) == 2
        assert (traits.organization >= 0).sum() == 1


def test_sign_up_addresses_are_compared_by_network() -> None:
    table = declared(
        a={"signup_address": "192.0.2.1"},
        b={"signup_address": "192.0.2.77"},
        c={"signup_address": "198.51.100.1"},
    )
    traits = account_traits(names("a", "b", "c"), table, SKETCHER)
    a, b, c = (traits.signup_network[place(traits, name)] for name in "abc")
    assert a == b != c


def test_only_traits_that_some_account_has_are_available() -> None:
    table = declared(a={"email_domain": "d"}, b={})
    traits = account_traits(names("a", "b"), table, SKETCHER)
    assert traits.available == {"account_id", "email_domain"}


def test_without_an_account_file_nothing_is_known() -> None:
    traits = account_traits(names("a", "b"), None, SKETCHER)
    assert traits.available == frozenset()
    for codes in (traits.organization, traits.domain, traits.payment, traits.signup_network):
        assert (codes == -1).all()
    assert np.isnan(traits.created).all()
