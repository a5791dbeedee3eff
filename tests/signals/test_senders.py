from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stillwatch.signals.senders import sent_by_several

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = np.zeros(0, dtype=np.int64)


@pytest.fixture
def requests(table: Callable[..., Any]) -> Any:
    """Item 1 by accounts 1 and 2, item 2 twice by account 1, item 3 by account 3."""
    sent = [(1, 1), (2, 1), (1, 2), (1, 2), (3, 3)]
    return table([{"account": account, "body_key": body} for account, body in sent])


def test_an_item_that_one_account_sends_again_is_its_own(requests: Any) -> None:
    assert sent_by_several(requests, np.array([3, 2, 1]), NOBODY).tolist() == [1]


def test_only_the_items_asked_for_are_looked_at(requests: Any) -> None:
    assert sent_by_several(requests, np.array([2, 9]), NOBODY).tolist() == []
    assert sent_by_several(requests, NOBODY, NOBODY).tolist() == []


def test_outside_a_group_one_sender_is_enough(requests: Any) -> None:
    assert sent_by_several(requests, np.array([1, 2, 3]), np.array([1])).tolist() == [1, 3]
    assert sent_by_several(requests, np.array([1, 2, 3]), np.array([1, 2, 3])).tolist() == []
