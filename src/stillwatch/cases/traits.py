"""What the members of a campaign share and outsiders lack, read from a scan's sketches.

Prompt families, networks and clients come from the sketched days, payment tokens and e-mail domains
from the account file. Only what is rare outside is kept: at least half of the accounts that have it
must be members. These traits recognise the operator in later scans, and the guard and the sign-up
score use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.schema import FAMILY_KEYS, N_BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LEAST_MEMBERS = 3
"""Members that must share a trait; two may share anything by chance."""

MOST_OUTSIDERS = 0.5
"""Largest share of a trait's accounts that may be outsiders."""

MOST_TRAITS = 32
"""Traits kept of one kind and campaign: the most shared ones."""

BANDS = tuple(f"band{i}" for i in range(N_BANDS))
FAMILIES = (*FAMILY_KEYS, *BANDS)
TOKENS = {"network": "network_key", "client": "tls_key"}
DECLARED = ("payment", "signup network")
KINDS = (*FAMILIES, *TOKENS, *DECLARED)


@dataclass(frozen=True, slots=True)
class Shared:
    """One trait of one campaign: how many members, others and member requests have it."""

    kind: str
    key: int
    accounts: int
    others: int
    requests: int
    members: tuple[str, ...]


def shared_traits(
    folder: Path,
    members: Mapping[str, Sequence[str]],
    declared: pa.Table | None,
    *,
    memory: str = "2GB",
) -> dict[str, list[Shared]]:
    """Find what each campaign's members share.

    Args:
        folder: of the scan; its ``sketches`` are read if they are there.
        members: account ids by campaign.
        declared: `account_id` and one column of keyed tokens for each of `DECLARED`; None where
            there is no account file.
        memory: most that the engine may take; it spills into a temporary folder.

    Raises:
        InputError: the sketches cannot be read.
    """
    found: dict[str, list[Shared]] = {name: [] for name in members}
    if not members:
        return found
    days = sorted((folder / "sketches" / "days").glob("*.parquet"))
    names = sorted((folder / "sketches" / "names").glob("*.parquet"))
    try:
        with duckdb.connect(config={"memory_limit": memory, "threads": 2}) as engine:
            engine.register("campaign_members", _member_table(members))
            for kind in KINDS:
                source = _source(engine, kind, days, names, declared)
                if source is not None:
                    _collect(engine, kind, source, found)
    except duckdb.Error as error:
        raise InputError(
            f"the sketches cannot be read: {str(error).partition(chr(10))[0]}", file=str(folder)
        ) from error
    return found


def _member_table(members: Mapping[str, Sequence[str]]) -> pa.Table:
    pairs = [(name, account) for name, accounts in members.items() for account in accounts]
    return pa.table(
        {
            "campaign": pa.array([pair[0] for pair in pairs], pa.string()),
            "account_id": pa.array([pair[1] for pair in pairs], pa.string()),
        }
    )


def _source(
    engine: duckdb.DuckDBPyConnection,
    kind: str,
    days: Sequence[Path],
    names: Sequence[Path],
    declared: pa.Table | None,
) -> str | None:
    """SQL for `account_id`, `key`, `requests` of one kind of trait; None where it is not known."""
    if kind in DECLARED:
        if declared is None:
            return None
        engine.register("declared", declared)
        return (
            f'select account_id, "{kind}" as key, 0 as requests from declared '
            f'where "{kind}" is not null'
        )
    if not days or not names:
        return None
    column = f"bands[{BANDS.index(kind) + 1}]" if kind in BANDS else TOKENS.get(kind, kind)
    engine.register("day_files", pa.table({"file": [str(day) for day in days]}))
    listed = ", ".join(_quoted(day) for day in days)
    named = ", ".join(_quoted(name) for name in names)
    return f"""
        select n.account_id, s.key, s.requests from (
            select account, {column} as key, count(*) as requests
            from read_parquet([{listed}], hive_partitioning = false)
            where {column} is not null group by all
        ) s join (select distinct account, account_id from read_parquet([{named}])) n
        using (account)"""


def _collect(
    engine: duckdb.DuckDBPyConnection, kind: str, source: str, found: dict[str, list[Shared]]
) -> None:
    rows = engine.execute(
        f"""
        with feeds as ({source}),
        mine as (
            select m.campaign, f.key, count(*) as accounts, sum(f.requests) as requests,
                   list(f.account_id order by f.account_id) as members
            from feeds f join campaign_members m using (account_id)
            group by m.campaign, f.key having count(*) >= {LEAST_MEMBERS}
        ),
        everybody as (
            select key, count(*) as accounts from feeds
            where key in (select key from mine) group by key
        )
        select mine.campaign, mine.key, mine.accounts,
               everybody.accounts - mine.accounts as others, mine.requests, mine.members
        from mine join everybody using (key)
        where others <= {MOST_OUTSIDERS} * everybody.accounts
        qualify row_number() over (
            partition by mine.campaign order by mine.accounts desc, others, mine.key
        ) <= {MOST_TRAITS}
        order by mine.campaign, mine.accounts desc, others, mine.key
        """
    ).fetchall()
    for campaign, key, accounts, others, requests, members in rows:
        found[campaign].append(
            Shared(kind, int(key), accounts, others, int(requests or 0), tuple(members))
        )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
