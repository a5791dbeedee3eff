from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.campaigns.write import Directory, Written, account_table, in_order
from stillwatch.schema import ACCOUNT_VERDICTS, Campaign, Fact, Member, Verdict

DIRECTORY = Directory.of(
    pa.table({"account": [30, 10, 20], "account_id": ["a", "b", "c"]}),
    pa.table({"account": [10, 20, 30], "requests": [1, 2, 3]}),
)


def member(name: str) -> Member:
    return Member(account_id=name, requests=9, stream_requests=8, first_seen="", last_seen="",
                  reasons=("own reason",))  # fmt: skip


def written(name: str, verdict: Verdict, requests: int, **members: int) -> Written:
    numbers: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    campaign = Campaign(
        campaign_id=name,
        verdict=verdict,
        coordination_p=0.001,
        extraction_p=0.01,
        e_value=50.0,
        requests=requests,
        first_seen="",
        last_seen="",
        capabilities={},
        models={},
        hours=(),
        facts=tuple(Fact(signal="s", text=f"fact {i}", value=0.0) for i in range(5)),
        concealment=(),
        explanations=(),
        would_change="",
        without_strongest=Verdict.CLEAR,
        members=tuple(member(name) for name in members),
        links=(),
        timeline=(),
        **numbers,
    )
    return Written(campaign, tuple(members.values()), ())


def test_the_directory_keeps_ids_keys_and_counts_together() -> None:
    assert DIRECTORY.requests.tolist() == [3, 1, 2]
    assert DIRECTORY.look_up([20, 30]) == {20: ("c", 2), 30: ("a", 3)}


def test_the_most_certain_verdict_comes_first_then_the_largest() -> None:
    given = [
        written("inconclusive", Verdict.INCONCLUSIVE, 900),
        written("small", Verdict.DISTILLATION, 10),
        written("pooled", Verdict.POOLED, 500),
        written("large", Verdict.DISTILLATION, 20),
        written("also-small", Verdict.DISTILLATION, 10),
    ]
    expected = ["large", "also-small", "small", "pooled", "inconclusive"]
    for order in (given, given[::-1]):
        assert [entry.campaign.campaign_id for entry in in_order(order)] == expected


def test_every_account_has_a_row_and_members_have_reasons() -> None:
    campaign = written("x", Verdict.DISTILLATION, 10, c=20)
    table = account_table([campaign], DIRECTORY, judged=True)
    assert table.schema.equals(ACCOUNT_VERDICTS)
    a, b, c = table.to_pylist()
    assert [row["account_id"] for row in (a, b, c)] == ["a", "b", "c"]
    assert (a["verdict"], a["campaign_id"], a["coordination_p"], a["reasons"]) == (
        "clear", None, 1.0, [],
    )  # fmt: skip
    assert (c["verdict"], c["campaign_id"], c["coordination_p"]) == ("distillation", "x", 0.001)
    assert c["reasons"] == ["own reason", "fact 0", "fact 1"]
    assert c["requests"] == 2


def test_what_could_not_be_judged_has_no_p_value() -> None:
    rows = account_table([], DIRECTORY, judged=False).to_pylist()
    assert [row["coordination_p"] for row in rows] == [None] * 3
    assert [row["verdict"] for row in rows] == ["clear"] * 3


def test_keys_may_be_any_64_bit_numbers() -> None:
    keys = np.array([2**63 - 1, -(2**63), 0])
    names = pa.table({"account": keys, "account_id": ["x", "y", "z"]})
    activity = pa.table({"account": np.sort(keys), "requests": [1, 2, 3]})
    found = Directory.of(names, activity)
    assert found.look_up(keys.tolist()) == {
        2**63 - 1: ("x", 3),
        -(2**63): ("y", 1),
        0: ("z", 2),
    }
