from __future__ import annotations

import numpy as np
import pyarrow as pa
from tests.campaigns.streams import make_stream

from stillwatch.campaigns.candidates import Candidate, Family
from stillwatch.campaigns.mine import mostly_explained
from stillwatch.campaigns.sampling import Mined

ASKED = Family(13, 1, np.array([10, 20, 30, 40]), 100, 100)
TEMPLATE = Family(2, 7, np.array([10, 20, 50]), 30, 30)


def feeders(rows: list[tuple[int, int, int, int]]) -> pa.Table:
    """Rows of kind, key, account and mined requests."""
    names = ("kind", "key", "account", "mining_requests")
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def group(accounts: list[int], mined: list[int]) -> Mined:
    counts = np.stack([mined, np.full(len(mined), 1000)], axis=1)
    return Mined(Candidate(np.array(accounts), (TEMPLATE,)), make_stream([]), counts, "")


FED = feeders(
    [
        *((ASKED.kind, ASKED.key, account, 20) for account in (50, 40, 30, 20, 10)),
        (ASKED.kind, 2, 10, 1),
        (TEMPLATE.kind, TEMPLATE.key, 20, 1),
    ]
)


def test_an_account_is_explained_by_groups_that_hold_half_of_what_it_sends() -> None:
    groups = [group([10, 20, 50], [10, 9, 30]), group([20, 30], [1, 4])]
    assert mostly_explained(ASKED, groups, FED).tolist() == [10, 20]


def test_a_turn_of_phrase_in_common_explains_nobody() -> None:
    assert mostly_explained(ASKED, [group([10, 20, 30, 40], [9, 1, 1, 0])], FED).tolist() == []
    assert mostly_explained(ASKED, [], FED).tolist() == []
