"""A day of traffic in which everything is new all the time: what the guard keeps stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.guard import Ask, Guard, Settlement, Traces, history, parse_policy
from stillwatch.guard.clock import ReplayClock
from stillwatch.guard.live import crowds, detector, payers
from stillwatch.guard.store import memory
from stillwatch.schema import FAMILY_KEYS

if TYPE_CHECKING:
    import pytest

HEAD8 = FAMILY_KEYS.index("head8_key")
CAP = 200
POLICY = f"""
mode = "enforce"
[limits.account]
requests = "9/1d"
[limits.key]
tokens = "9k/30d"
[live]
families = {CAP}
memory = {CAP}
[live.few_payers]
action = "throttle"
[live.migration]
action = "throttle"
[live.continuation]
action = "throttle"
"""
BEGIN, DAY = 1_780_000_000.0, 86_400.0
REQUESTS = 12_000


def test_a_day_of_ever_new_traffic_keeps_bounded_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "REMEMBERED", CAP)
    monkeypatch.setattr(detector, "FLAGS", CAP)
    monkeypatch.setattr(memory, "MOST", 4 * CAP)
    monkeypatch.setattr(memory, "SWEEP_AT", CAP)
    guard = Guard(parse_policy(POLICY), clock=ReplayClock())
    most: dict[str, int] = {}
    for number in range(REQUESTS):
        at = BEGIN + DAY * number / REQUESTS
        # three accounts, one after the other, feed each of a payer's two streams; all are refused,
        # and of every second stream the same request goes on at the next account
        name, key, stream = f"a{number}", f"k{number}", number // 3
        body = stream if stream % 2 else -number
        traces = Traces(((HEAD8, stream),), body, number, number - 1, 2, asks=True)
        decision = guard.decide(
            Ask(
                account_id=name,
                api_key_id=key,
                payment_fingerprint=f"p{stream // 2}",
                at=at,
                tokens=9,
            ),
            traces,
        )
        used = Settlement(
            account_id=name, api_key_id=key, at=at, reserved=decision.reserved, used=99, status=429
        )
        guard.settle(used, traces)
        for what, size in guard.remembered.items():
            most[what] = max(most.get(what, 0), size)
    bounds = {
        "bodies": CAP, "payers": CAP, "families": CAP, "refusals": CAP, "turns": CAP, "counts": CAP,
        "flags": CAP, "volumes": CAP, "members": payers.MEMBERS_A_STREAM * CAP, "budgets": 4 * CAP,
        "crowds": CAP, "crowd_members": crowds.MEMBERS_A_CROWD * CAP,
    }  # fmt: skip
    assert most.keys() == bounds.keys()
    assert [what for what, bound in bounds.items() if most[what] > bound + 2] == []
    # every bound was reached, or nearly: the traffic would have filled more
    assert [what for what, bound in bounds.items() if most[what] < bound / 2] == []


def test_one_stream_of_many_accounts_forgets_older_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(payers, "MEMBERS_A_STREAM", 1)
    guard = Guard(parse_policy(f"[live]\nfamilies = {CAP}\n"), clock=ReplayClock())

    def send(account: str, family: int) -> None:
        traces = Traces(((HEAD8, family),), hash(account), 1, None, 1, asks=True)
        guard.decide(Ask(account_id=account, payment_fingerprint="p", at=BEGIN), traces)

    send("another", CAP + 1)  # one account of a payer alone has no stream
    assert guard.live.sizes["payers"] == 1
    assert guard.live.sizes["families"] == 0
    for number in range(CAP):
        send("one", number)
    assert guard.live.sizes["families"] == guard.live.sizes["members"] == CAP
    for number in range(CAP // 2):
        send(f"many{number}", CAP)
    assert guard.live.sizes["members"] == CAP
    assert guard.live.sizes["families"] == CAP // 2 + 1
