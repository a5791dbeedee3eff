"""A dictionary that forgets what was put in longest ago."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(Generic[Key, Value]):
    """At most so many entries; putting one in again makes it the newest.

    Args:
        capacity: entries.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # of a plain dictionary, the oldest entry is found ever more slowly (gaps at its front)
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self.get = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def put(self, key: Key, value: Value) -> None:
        """Set an entry, and forget the oldest one if there are too many."""
        entries = self._entries
        before = len(entries)
        entries[key] = value
        if len(entries) == before:
            entries.move_to_end(key)
        elif before >= self._capacity:
            entries.popitem(last=False)

    def forget(self) -> Value:
        """Take the oldest entry out.

        Raises:
            KeyError: there is none.
        """
        return self._entries.popitem(last=False)[1]

    def pop(self, key: Key) -> Value | None:
        """Take an entry out."""
        return self._entries.pop(key, None)
