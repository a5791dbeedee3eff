"""What accounts declare about themselves, looked up for every account of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.campaigns import Traits
from stillwatch.schema import ACCOUNTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.declared import Coverage
    from stillwatch.sketch import Sketcher


def account_traits(
    names: pa.Table,
    declared: pa.Table | None,
    sketcher: Sketcher,
    coverage: Coverage | None = None,
) -> Traits:
    """What accounts declare, for every account of the log, as codes.

    Args:
        names: `account`, `account_id` of every account.
        declared: rows in `schema.ACCOUNTS`; accounts that it lacks have no known trait. None
            where there is no account file.
        sketcher: makes the keys of accounts and networks.
        coverage: the provider's own list, for the same accounts in the order of `names`.
    """
    account = np.sort(names.column("account").to_numpy())
    table = declared if declared is not None else ACCOUNTS.empty_table()
    table = table.combine_chunks()
    ids = table.column("account_id").combine_chunks()
    keys = sketcher.account_keys(ids).to_numpy() if len(ids) else account[:0]
    place = np.searchsorted(account, keys)
    known = (place < len(account)) & (account[np.minimum(place, len(account) - 1)] == keys)

    def codes(column: pa.Array) -> NDArray[np.int64]:
        encoded = column.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        full = np.full(len(account), -1, dtype=np.int64)
        full[place[known]] = encoded[known]
        return full

    def column(name: str) -> pa.Array:
        return table.column(name).combine_chunks()

    created = np.full(len(account), np.nan)
    seconds = column("created_at").cast(pa.int64()).fill_null(0).to_numpy() / 1e6
    created[place[known]] = np.where(seconds > 0, seconds, np.nan)[known]
    traits = Traits(
        account=account,
        organization=codes(column("organization_id")),
        domain=codes(column("email_domain")),
        payment=codes(column("payment_fingerprint")),
        signup_network=codes(sketcher.network_keys(column("signup_address"))),
        created=created,
        available=frozenset(
            name
            for name in ACCOUNTS.names
            if len(table) and table.column(name).null_count < len(table)
        ),
    )
    if coverage is None:
        return traits
    return traits.listed(coverage.entry[np.argsort(names.column("account").to_numpy())])
