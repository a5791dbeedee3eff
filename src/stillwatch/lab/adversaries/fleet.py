"""The accounts of an operator: how they were opened, paid for and connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stillwatch.lab import network
from stillwatch.lab.network import Client, Stack
from stillwatch.lab.rhythm import DAY, HOUR
from stillwatch.lab.text.grammar import latin_name

if TYPE_CHECKING:
    import random

    from stillwatch.lab.adversaries.campaign import Harvest
    from stillwatch.lab.rows import Account
    from stillwatch.lab.stage import Role, Stage

Stacks = Literal["one", "several", "own"]
Networks = Literal["datacentre", "rented", "proxies"]
Payment = Literal["shared", "several", "distinct"]
SignUp = Literal["burst", "spread", "old"]
Email = Literal["one", "invented", "free"]
SHARED_BY = 8  # accounts to a card, a /24 or a stack where an operator has several


class Fleet:
    """Opens accounts as the knobs of a harvest say.

    Args:
        knobs: the harvest's.
        stage: where the accounts are opened.
    """

    def __init__(self, knobs: Harvest, stage: Stage) -> None:
        self._knobs, self._stage = knobs, stage
        rnd = stage.dice.child("fleet").py
        sites = 1 + (knobs.accounts - 1) // SHARED_BY
        self._places = [network.cloud_network(rnd) for _ in range(sites)]
        self._stacks = [network.library(rnd) for _ in range(sites)]
        self._cards = [f"pm_{stage.dice.token('card', n)}" for n in range(sites)]
        self._domain = f"{latin_name(rnd).lower()}.example"
        self._opened = -DAY * rnd.uniform(3, 30)

    def account(self, number: int, begins: float) -> Account:
        """Open account `number`, which sends its first request at `begins`, and admit it."""
        role = self.open(number, begins)
        self._stage.roles.append(role)
        return role.account

    def open(self, number: int, begins: float) -> Role:
        """Account `number`, which sends its first request at `begins`."""
        rnd = self._stage.dice.child("opening", number).py
        knobs = self._knobs
        fields: dict[str, str | None] = {"plan": "payg"}
        created: float | None = None
        if knobs.signup == "burst":
            created = self._opened + DAY * rnd.uniform(0, 1.5)
        elif knobs.signup == "spread":
            created = -DAY * rnd.uniform(1, 120)
        if begins > DAY and knobs.life_days:
            created = begins - HOUR * rnd.uniform(0.2, 30)
        if knobs.email == "one":
            fields["email_domain"] = self._domain
        elif knobs.email == "invented":
            fields["email_domain"] = f"{latin_name(rnd).lower()}{rnd.randrange(100)}.example"
        if knobs.payment == "shared":
            fields["payment_fingerprint"] = self._cards[0]
        elif knobs.payment == "several":
            fields["payment_fingerprint"] = rnd.choice(self._cards)
        if knobs.network == "datacentre":
            fields["signup_address"] = network.ipv4(*rnd.choice(self._places), rnd)
        return self._stage.open(number, created, **fields)

    def client(self, number: int) -> Client:
        """How account `number` reaches the provider for the harvest."""
        rnd = self._stage.dice.child("client", number).py
        knobs, site = self._knobs, number % len(self._places)
        if knobs.network == "proxies":
            addresses = tuple(network.home(rnd) for _ in range(rnd.choice((1, 2, 4))))
        elif knobs.network == "rented":
            addresses = (network.machine(rnd),)
        else:
            addresses = (network.ipv4(*self._places[site], rnd),)
        # As often as people's programs, accounts come through a third party's platform.
        path = "api" if knobs.network == "datacentre" or rnd.random() < 0.9 else "cloud"
        stack = self._stack(rnd, site)
        return Client(addresses=addresses, stack=stack, away=0.3, access_path=path)

    def _stack(self, rnd: random.Random, site: int) -> Stack:
        if self._knobs.stacks == "own":
            return network.library(rnd)
        return self._stacks[site if self._knobs.stacks == "several" else 0]
