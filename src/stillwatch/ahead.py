"""Pieces of work done side by side, in order, with few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 4
"""Pieces at once at most: each may hold what it works on in memory."""


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map` in threads that run while the next item is made and the last result is used.

    Items are made in the caller's thread, one after another. It pays where the function lets go of
    the interpreter's lock, as compiled kernels and Arrow do.

    Args:
        function: from an item to its result; called from several threads.
        items: as many are in memory at a time as there are workers.

    Returns:
        The results in the order of the items.
    """
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            del item
            if len(waiting) >= workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
