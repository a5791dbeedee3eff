"""A limit on one account's requests, as every gateway has it.

LiteLLM, Envoy AI Gateway, Kong and APISIX limit per key, user or team; none relates accounts. The
limit here is generous to the method: far below what providers allow, it is eight times the mean of
the campaign of June 2026 (28.8 million exchanges, 25,000 accounts, 45 days: 26 a day).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.baselines.columns import DAY, charges, coded, seconds

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT = 208
"""Requests in one UTC day."""


def accuse(requests: pa.Table, accounts: pa.Table | None) -> pa.Table:  # noqa: ARG001
    """Accuse the accounts that go over the limit on any day; the score is the busiest day."""
    account = coded(requests.column("account_id"))
    day = seconds(requests) // DAY
    day -= day.min(initial=0)
    cell = account.codes * (day.max(initial=0) + 1) + day
    cells, counts = np.unique(cell, return_counts=True)
    busiest = np.zeros(len(account), dtype=np.int64)
    np.maximum.at(busiest, cells // (day.max(initial=0) + 1), counts)
    return charges(account.values, busiest, busiest > LIMIT)
