from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.signals.networks import by_network

if TYPE_CHECKING:
    from collections.abc import Callable


def test_requests_are_counted_by_account_and_known_network(table: Callable[..., Any]) -> None:
    sent = [(1, 7), (1, 7), (1, 8), (2, 7), (2, None), (3, None)]
    rows = table([{"account": account, "network_key": network} for account, network in sent])
    found = (
        by_network(rows)
        .to_pyarrow()
        .sort_by([("account", "ascending"), ("network_key", "ascending")])
    )
    assert found.to_pydict() == {
        "account": [1, 1, 2],
        "network_key": [7, 8, 7],
        "requests": [2, 1, 1],
    }
