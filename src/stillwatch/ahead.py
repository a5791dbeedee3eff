"""Pieces of work done side by side, in order, with few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 4
"""Pieces at once at most: each may hold what it works on in memory."""


def ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    waiting: int = 0,
    workers: int | None = None,
) -> Generator[Result]:
    """`map` in threads that run while the next item is made and the last result is used.

    Items are made in the caller's thread, one after another. It pays where the function lets go of
    the interpreter's lock, as compiled kernels and Arrow do.

    Args:
        function: from an item to its result; called from several threads.
        items: few are in memory at a time.
        waiting: how many are made or done before a result is asked for; at least the workers.
        workers: how many are worked on at once; as many as there are cores, up to `MOST_WORKERS`,
            where not given.

    Returns:
        The results in the order of the items.
    """
    workers = workers or min(os.cpu_count() or 1, MOST_WORKERS)
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= max(workers, waiting):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def with_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    waiting: int = 0,
    workers: int | None = None,
) -> Generator[tuple[Item, Result]]:
    """Each item with its result, as `ahead`."""
    return ahead(lambda item: (item, function(item)), items, waiting=waiting, workers=workers)
