"""The account file as the guard looks things up in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard.ask import Profile

if TYPE_CHECKING:
    import pyarrow as pa

_KEPT = tuple(name for name in Profile._fields if name != "created")


def profiles_of(declared: pa.Table | None) -> dict[str, Profile]:
    """Profiles by account id.

    Args:
        declared: rows in `schema.ACCOUNTS`, or None where there is no account file.
    """
    if declared is None:
        return {}
    names = declared.column("account_id").to_pylist()
    created = [
        None if micros is None else micros / 1e6
        for micros in declared.column("created_at").cast("int64").to_pylist()
    ]
    columns = [declared.column(name).to_pylist() for name in _KEPT]
    return {name: Profile(*row) for name, *row in zip(names, *columns, created, strict=True)}
