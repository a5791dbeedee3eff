"""What an extraction cost its operator, against what the answers would have cost to produce.

Both are estimates. The first rests on counted tokens and list prices, the second on stated
assumptions about writing by people; the report prints every one of them.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Annotated

import msgspec

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.schema import Campaign

Positive = Annotated[float, msgspec.Meta(gt=0)]
Range = tuple[Positive, Positive]


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to produce answers of some capabilities: low and high words and dollars an hour."""

    name: str
    applies_to: tuple[str, ...]
    words_per_hour: Range
    usd_per_hour: Range


class Assumptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the estimates rest on."""

    account_usd: Annotated[float, msgspec.Meta(ge=0)]
    reseller_share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    words_per_token: Positive
    route: tuple[Route, ...]


class Line(msgspec.Struct, frozen=True):
    """One line of the table: what, from which sum to which, and on what it rests."""

    what: str
    low_usd: float
    high_usd: float
    basis: str


class Economics(msgspec.Struct, frozen=True):
    """Both sides.

    Attributes:
        paid: what the operator paid, by the way in which it bought; one of these is true.
        produced: what producing the answers would have cost, by capability; these add up.
        ratio: least and most that producing costs for each dollar paid.
    """

    paid: tuple[Line, ...]
    produced: tuple[Line, ...]
    ratio: tuple[float, float] | None


def load_assumptions(path: Path | None = None) -> Assumptions:
    """Read assumptions from a TOML file, by default those that come with Stillwatch.

    Raises:
        InputError: the file cannot be read or is malformed.
    """
    name = str(path) if path else "economics.toml"
    try:
        if path is None:
            text = resources.files(__package__).joinpath(name).read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        found = msgspec.convert(tomllib.loads(text), Assumptions)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=name) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"is not a file of assumptions: {error}", file=name) from None
    return found


def economics(campaign: Campaign, rates: Assumptions) -> Economics:
    """Estimate both sides for a campaign."""
    accounts = rates.account_usd * len(campaign.members)
    opened = f"{len(campaign.members):,} accounts at ${rates.account_usd:g}"
    cheap = campaign.cost_usd * rates.reseller_share
    paid = (
        Line(
            "Bought from the provider at list price",
            campaign.cost_usd,
            campaign.cost_usd + accounts,
            f"tokens counted in the log at list price; at most {opened} more",
        ),
        Line(
            "Bought from resellers of pooled access",
            cheap,
            cheap + accounts,
            f"{rates.reseller_share:.0%} of list price, as press reports of 2026 say; at most "
            f"{opened} more",
        ),
    )
    words = campaign.output_tokens * rates.words_per_token
    produced = tuple(
        line
        for route in rates.route
        if (line := _route(route, campaign.capabilities, words)) is not None
    )
    made = sum(line.low_usd for line in produced), sum(line.high_usd for line in produced)
    most, least = max(line.high_usd for line in paid), min(line.low_usd for line in paid)
    ratio = (made[0] / most, made[1] / least) if least > 0 and made[1] > 0 else None
    return Economics(paid, produced, ratio)


def _route(route: Route, capabilities: dict[str, float], words: float) -> Line | None:
    share = sum(capabilities.get(name, 0.0) for name in route.applies_to)
    if not share or not words:
        return None
    slow, quick = route.words_per_hour
    cheap, dear = route.usd_per_hour
    wanted = words * share
    return Line(
        route.name,
        wanted / quick * cheap,
        wanted / slow * dear,
        f"{wanted:,.0f} words of answers ({share:.0%} of the requests: "
        f"{', '.join(name for name in route.applies_to if name in capabilities)}), {slow:g} to "
        f"{quick:g} words an hour at ${cheap:g} to ${dear:g}",
    )
