"""Text from a log, made safe for a terminal."""

from __future__ import annotations

MAX_CELL = 200


def plain(text: str, limit: int = MAX_CELL) -> str:
    """Return `text` on one line, without control characters and cut to `limit` characters.

    Names in a log are chosen by the people under investigation; an escape sequence among them
    would otherwise rewrite the investigator's screen.
    """
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
