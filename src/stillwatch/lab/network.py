"""Where requests come from: addresses, user agents and TLS fingerprints.

Addresses are drawn at random from the unicast space and mean nobody. The mix of clients is
invented; what matters is that thousands of strangers share each common stack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

BROWSERS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{v}.0.0.0", 118, 131),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/{v}.1", 16, 19),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 115, 133),
    ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/{v}.0.0.0 Mobile", 118, 131),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS {v}_2 like Mac OS X) AppleWebKit/605.1.15 Mobile", 16, 18),
)
LIBRARIES = (
    ("meridian-python/0.{v}.0", 30, 46),
    ("meridian-node/1.{v}.2", 8, 21),
    ("python-requests/2.{v}.0", 28, 32),
    ("httpx/0.{v}.2", 24, 28),
    ("axios/1.{v}.4", 4, 7),
    ("node-fetch/3.{v}.0", 1, 3),
    ("Go-http-client/{v}.1", 1, 2),
    ("okhttp/4.{v}.0", 9, 12),
    ("langchain/0.{v}.1", 1, 3),
    ("curl/8.{v}.0", 1, 9),
    ("aiohttp/3.{v}.5", 8, 11),
)
SYSTEMS = ("linux", "linux", "darwin", "windows")
CLOUD_PREFIXES = 9
"""Clouds in the simulated world: business customers and campaigns rent from the same ones."""

PROVIDER_PREFIXES = 400
"""Consumer access networks, each a /16 of homes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A client program: what it says of itself and what its TLS handshake looks like (JA4 form)."""

    user_agent: str
    tls: str


@dataclass(slots=True, kw_only=True)
class Client:
    """What the provider sees of a sender; None where this way in does not show it.

    Attributes:
        addresses: the usual one first.
        away: share of requests that come from another than the first.
        access_path: ``console`` (the provider's own chat), ``api`` or ``cloud`` (a third party's
            platform, which passes on neither addresses nor TLS).
    """

    addresses: tuple[str, ...]
    stack: Stack
    away: float = 0.1
    access_path: str = "api"

    def address(self, rnd: random.Random) -> str | None:
        """The address of one request."""
        if self.access_path == "cloud":
            return None
        if len(self.addresses) > 1 and rnd.random() < self.away:
            return rnd.choice(self.addresses[1:])
        return self.addresses[0]


def fingerprint(program: str, system: str) -> str:
    """A stand-in for a JA4 fingerprint: equal for equal program families on equal systems."""
    digest = sha256(f"{program}|{system}".encode()).hexdigest()
    return f"t13d{int(digest[:2], 16) % 8 + 12}{digest[2:4]}h2_{digest[4:16]}_{digest[16:28]}"


def _stack(rnd: random.Random, programs: tuple[tuple[str, int, int], ...]) -> Stack:
    pattern, low, high = rnd.choices(programs, [len(programs) - n for n in range(len(programs))])[0]
    version = rnd.randint(low, high)
    tls = fingerprint(f"{pattern}{version // 4}", rnd.choice(SYSTEMS))
    return Stack(user_agent=pattern.format(v=version), tls=tls)


def browser(rnd: random.Random) -> Stack:
    """A person's browser."""
    return _stack(rnd, BROWSERS)


def library(rnd: random.Random) -> Stack:
    """A common HTTP or model library."""
    return _stack(rnd, LIBRARIES)


def named_program(rnd: random.Random, name: str) -> Stack:
    """A product that names itself; its TLS is that of the library it is built on."""
    return replace(library(rnd), user_agent=f"{name}/{rnd.randint(1, 4)}.{rnd.randint(0, 20)}.0")


def _prefix(kind: int, number: int) -> tuple[int, int]:
    # Spreads the networks over the unicast space without touching private or reserved blocks.
    mixed = (number * 7919 + kind * 104_729) % (180 * 256)
    first = 11 + mixed // 256
    return (first + (first >= 100) + (first >= 127), mixed % 256)


def home(rnd: random.Random) -> str:
    """An address in a consumer network; a quarter are IPv6."""
    number = rnd.randrange(PROVIDER_PREFIXES)
    if rnd.random() < 0.25:
        groups = [0x2A00 + number // 64, 0x1000 + number, rnd.randrange(1 << 16)]
        groups += [rnd.randrange(1 << 16) for _ in range(5)]
        return ":".join(f"{group:x}" for group in groups)
    return ipv4(_prefix(0, number), rnd.randrange(256), rnd)


def cloud_network(rnd: random.Random) -> tuple[tuple[int, int], int]:
    """A /24 of a cloud, to draw addresses from with `ipv4`."""
    return _prefix(1, rnd.randrange(CLOUD_PREFIXES)), rnd.randrange(256)


def ipv4(prefix: tuple[int, int], third: int, rnd: random.Random) -> str:
    """An address in a /24."""
    return f"{prefix[0]}.{prefix[1]}.{third}.{rnd.randrange(1, 255)}"


def machine(rnd: random.Random) -> str:
    """The address of a rented machine."""
    return ipv4(*cloud_network(rnd), rnd)
