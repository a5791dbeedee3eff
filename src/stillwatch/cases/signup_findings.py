"""What stands out about a registration: each finding has a name, points and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stillwatch.cases.signup_tokens import Tokens

DISPOSABLE_MAIL = frozenset(
    files("stillwatch.cases").joinpath("mail_disposable.txt").read_text(encoding="utf-8").split()
)
"""Mail services for addresses that are thrown away."""

BUSY = {
    "residential": 4,
    "mobile": 60,
    "campus": 60,
    "office": 20,
    "hosting": 3,
    "proxy": 3,
    "unknown": 8,
}
"""Registrations of a day from one network (/24, /48) from which it is called busy, by its kind:
carriers put thousands of people behind one address, a campus registers in one lesson."""

BURST_SIZE = 6
"""Registrations from one private mail domain in two days; a class or a company does that too, so
that alone it asks for nothing."""

MANY_CARDS = 4
SOME_CARDS = 2
SOME_DEVICES = 2
MANY_DEVICES = 4
RENTED = frozenset({"hosting", "proxy"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, what it weighs, and in words for the operator's people."""

    name: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What findings are made from.

    Attributes:
        counts: a row of `signup_counts.COUNTS`.
        tokens: of the registration.
        address_kind: what sort of network it came from.
    """

    counts: Any
    tokens: Tokens
    address_kind: str

    @property
    def burst(self) -> bool:
        """Whether many registered from this private mail domain lately."""
        return bool(self.counts.domain >= BURST_SIZE)

    @property
    def busy(self) -> bool:
        """Whether more came from this network than its kind explains."""
        return bool(self.counts.network >= BUSY[self.address_kind])


def findings(seen: Seen) -> tuple[Finding, ...]:
    """All findings, in the order of `QUESTIONS`."""
    return tuple(finding for question in QUESTIONS for finding in question(seen))


def _payment(seen: Seen) -> Iterator[Finding]:
    counts = seen.counts
    cards = counts.payment + counts.payment_accounts
    if counts.case_id is not None:
        text = f"the payment token belongs to campaign C-{counts.case_id}"
        yield Finding("known_payment", 7, text)
    elif cards >= SOME_CARDS:
        points = 5.0 if cards >= MANY_CARDS else 3.0
        yield Finding("payment_reuse", points, f"the payment token was used by {cards} others")


def _device(seen: Seen) -> Iterator[Finding]:
    times = seen.counts.device
    if times >= SOME_DEVICES:
        points = 4.0 if times >= MANY_DEVICES else 2.0
        yield Finding("device_reuse", points, f"the device registered {times} times before")


def _mail(seen: Seen) -> Iterator[Finding]:
    if seen.counts.mailbox:
        text = f"the mailbox registered {seen.counts.mailbox} times before"
        yield Finding("mailbox_reuse", 3, text)
    if seen.tokens.domain in DISPOSABLE_MAIL:
        yield Finding("disposable_mail", 3, "the mail address is of a kind that is thrown away")
    known = seen.counts.known_domain
    if known is not None and seen.counts.case_id is None:
        text = f"accounts of campaign C-{known} registered under this mail domain"
        yield Finding("known_domain", 3, text)
    if seen.burst:
        text = f"{seen.counts.domain} registrations from this mail domain in two days"
        yield Finding("domain_burst", 1, text)


def _network(seen: Seen) -> Iterator[Finding]:
    rented = seen.address_kind in RENTED
    if seen.busy:
        text = f"{seen.counts.network} registrations from this network in a day"
        yield Finding("busy_network", 2 if rented else 1, text)
    if seen.busy and seen.burst and seen.address_kind != "campus":
        yield Finding("burst_from_network", 2, "the burst comes from one network")
    if rented:
        yield Finding("rented_address", 0.5, "the address is rented, not a person's")
    if seen.counts.known_network is not None and seen.counts.case_id is None:
        text = f"accounts of campaign C-{seen.counts.known_network} registered from this network"
        yield Finding("known_network", 1.5, text)


QUESTIONS: tuple[Callable[[Seen], Iterator[Finding]], ...] = (_payment, _device, _mail, _network)
