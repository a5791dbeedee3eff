"""Numbers, dates and foreign text as people read them.

Thousands are parted by a narrow no-break space (U+202F), which no reader mistakes for a decimal
sign.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import date, datetime

NARROW = "\u202f"
ID_LENGTH = 48
TEXT_LENGTH = 1_000

HABITS = {
    "content": "what they ask about",
    "rhythm": "when they ask",
    "conversation": "how they follow up",
}
"""Habits of customers, in words."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

# Categories that a browser draws as nothing or that change how neighbours are drawn: controls,
# format characters (bidirectional overrides, zero-width signs, tags), surrogates, private use,
# unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 2  # more marks on one letter than any language needs would paint over other lines


def visible(text: str, limit: int = TEXT_LENGTH, keep: str = "") -> str:
    """Make foreign text safe to look at.

    Characters that cannot be seen, or that reorder or overprint their surroundings, are written as
    ``⟨U+202E⟩``; text longer than `limit` loses its middle and says so.

    Args:
        text: any text.
        limit: the most characters of `text` that are kept.
        keep: characters to leave as they are although they cannot be seen, such as a line feed.
    """
    if len(text) > limit:
        head, tail = limit * 3 // 4, limit - limit * 3 // 4
        cut = f"…({count(len(text) - limit)} more)…"
        return visible(text[:head], keep=keep) + cut + visible(text[-tail:], keep=keep)
    if text.isascii() and text.isprintable():
        return text
    parts = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        hidden = category in _UNSEEN or marks > _MOST_MARKS
        shown = not hidden or character in keep
        parts.append(character if shown else f"⟨U+{ord(character):04X}⟩")
    return "".join(parts)


def name(text: str) -> str:
    """An identifier from the log, visible and short enough for a table."""
    if not text.strip():
        return "⟨empty⟩" if not text else f"⟨{len(text)} spaces⟩"
    return visible(text, ID_LENGTH)


def habit(name: str) -> str:
    """A habit of customers in words; one of another version by its name."""
    return HABITS.get(name, name)


def label(signal: str) -> str:
    """``volume_dispersion`` as a heading: ``Volume dispersion``."""
    words = signal.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def count(value: float) -> str:
    """A whole number, exactly: ``61 000``."""
    return f"{round(value):,}".replace(",", NARROW)


def about(value: float) -> str:
    """A number to three significant digits: ``28.8 million``, ``0.0213``."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("−∞" if value < 0 else "∞")
    size = abs(value)
    sign = "−" if value < 0 else ""
    for bound, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if size >= bound:
            if size >= 1e15:
                return sign + _power(size)
            return f"{sign}{_digits(size / bound)}{word}"
    if size >= 1000:
        return sign + count(float(f"{size:.3g}"))
    if size and size < 0.001:
        return sign + _power(size)
    return sign + _digits(size)


def _digits(size: float) -> str:
    text = f"{size:.3g}"
    return f"{float(text):.0f}" if "e" in text else text


def _power(size: float) -> str:
    mantissa, _, exponent = f"{size:.1e}".partition("e")
    digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}{NARROW}×{NARROW}10{digits}"


def percent(share: float) -> str:
    """A share of one as per cent: ``62 %``, ``0.4 %``, ``less than 0.1 %``."""
    value = share * 100
    if 0 < value < 0.1:
        return f"less than 0.1{NARROW}%"
    if value < 10 and value != round(value):
        return f"{value:.1f}{NARROW}%"
    return f"{value:.0f}{NARROW}%"


def money(dollars: float) -> str:
    """An estimate in US dollars: ``$12 400``."""
    if 0 < dollars < 1:
        return "less than $1"
    return f"${count(dollars)}" if dollars < 1000 else f"${about(dollars)}"


def plural(number: int, one: str, many: str = "") -> str:
    """``1 account`` or ``412 accounts``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def chance(p: float | None) -> str:
    """A p-value as odds: ``about 1 in 330``, ``less than 1 in 10 000``."""
    if p is None:
        return "could not be judged"
    if p < 1e-4:
        return f"less than 1 in {count(10_000)}"
    if p > 0.4:
        return "nothing unusual"
    return f"about 1 in {count(float(f'{1 / p:.2g}'))}"


def p_value(p: float | None) -> str:
    """A p-value as a number: ``0.0031``, ``< 0.0001``."""
    if p is None:
        return "–"
    return f"<{NARROW}0.0001" if p < 1e-4 else f"{p:.2g}"


def e_strength(e: float | None) -> str:
    """How strong an e-value is, in words.

    The grades are Jeffreys' for Bayes factors (powers of the square root of ten), as Vovk and Wang
    (2021) apply them to e-values.
    """
    if e is None:
        return "could not be judged"
    if e <= 1:
        return "no evidence"
    for bound, word in ((1, "weak"), (2, "substantial"), (3, "strong"), (4, "very strong")):
        if e <= 10 ** (bound / 2):
            return word
    return "decisive"


def day(text: str, *, year: bool = True) -> str:
    """The day of an RFC 3339 day or moment: ``3 May 2026``."""
    when = _parse(text)
    if when is None:
        return visible(text) or "unknown"
    return f"{when.day} {_MONTHS[when.month - 1]}{f' {when.year}' if year else ''}"


def short_day(text: str, beside: str) -> str:
    """A day for a narrow column: ``3 May``, with its year only where `beside` is of another."""
    when, other = _parse(text), _parse(beside)
    if when is None:
        return visible(text) or "unknown"
    short = f"{when.day}\u00a0{_MONTHS[when.month - 1][:3]}"
    return short if other and other.year == when.year else f"{short}\u00a0{when.year}"


def moment(text: str) -> str:
    """A moment to the minute: ``3 May 2026, 14:05 UTC``."""
    when = _parse(text)
    if when is None:
        return visible(text) or "unknown"
    return f"{day(text)}, {when.hour:02}:{when.minute:02} UTC"


def span(first: str, last: str) -> str:
    """Two days: ``3 to 20 May 2026``, or one day where they are the same."""
    start, end = _parse(first), _parse(last)
    if start is None or end is None:
        return "unknown dates"
    if start.date() == end.date():
        return f"on {day(last)}"
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day} to {day(last)}"
    return f"{day(first, year=start.year != end.year)} to {day(last)}"


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.combine(date.fromisoformat(text), datetime.min.time())
        except ValueError:
            return None
