"""An account in use: it turns what is asked into rows of the log, failures and retries included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stillwatch.lab import network
from stillwatch.lab.rhythm import DAY
from stillwatch.lab.rows import Ask, Message, Row, Sent
from stillwatch.lab.stage import NEW_MODEL, OLD_MODELS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from stillwatch.lab.network import Client
    from stillwatch.lab.rng import Dice
    from stillwatch.lab.rows import Account
    from stillwatch.lab.stage import Stage, World

NEVER = float("inf")
CHARACTERS_PER_TOKEN = 3.6
RETRIES = 0.75  # of failed requests that a client library sends again
SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192)  # values that programs set max_tokens to
ADOPTION = 0.6  # of customers who ever move to a new model within weeks
ADOPTION_DAYS = 4.0  # median delay of those


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one customer's program calls the model.

    Attributes:
        answer: median output tokens.
        spread: log-sd of output tokens.
        max_tokens, temperature: as sent; None where the program does not set them.
        n, logprobs: as sent; None where the program does not set them.
        reasoning: share of requests with reasoning tokens.
        system: system prompt of the program.
        model: used until `moves_at`.
        moves_at: when the customer turns to the new model; NEVER if it does not.
        moves: share of requests that go to the new model from then on.
    """

    answer: float = 350.0
    spread: float = 0.8
    max_tokens: int | None = None
    temperature: float | None = None
    reasoning: float = 0.2
    n: int | None = None
    logprobs: bool | None = None
    system: str | None = None
    model: str = OLD_MODELS[0]
    moves_at: float = NEVER
    moves: float = 0.85


def adoption(rnd: random.Random, world: World) -> float:
    """When an ordinary customer turns to the new model: days after its release, or never."""
    if rnd.random() > ADOPTION:
        return NEVER
    return world.release + DAY * ADOPTION_DAYS * rnd.lognormvariate(0.0, 1.0)


class Sender:
    """One account with its client and settings.

    Args:
        stage: where it acts.
        account: whose requests these are.
        client: what the provider sees of the sender.
        settings: how it calls the model.
        dice: this sender's own.
    """

    def __init__(
        self, stage: Stage, account: Account, client: Client, settings: Settings, dice: Dice
    ) -> None:
        self.account, self.client, self.settings = account, client, settings
        self._stage, self._world = stage, stage.world
        self._rnd = dice.py
        keys = self._rnd.choice((1, 1, 1, 2, 3)) if client.access_path != "console" else 0
        self._keys = [f"key_{dice.token('key', number, size=6)}" for number in range(keys)]

    def send(
        self,
        ask: Ask,
        *,
        campaign: str | None = None,
        other: Sender | None = None,
        end_user: str | None = None,
    ) -> Iterator[Sent]:
        """Send one request, and send it again if it fails.

        Args:
            ask: what is asked.
            campaign: the campaign this request belongs to, if any.
            other: the sender that retries a failed request; None for this one.
            end_user: the product's own user, where the product says so.
        """
        rnd = self._rnd
        at, sender = ask.at, self
        for _ in range(4):
            status = self._status()
            if at < self._world.end:
                yield Sent(at, sender._row(ask, at, status, end_user), campaign)
            if status == 200 or rnd.random() > RETRIES:
                return
            at += rnd.lognormvariate(1.5, 0.8)
            sender = other or self

    def _status(self) -> int:
        draw = self._rnd.random() / self._world.failures if self._world.failures else NEVER
        return 429 if draw < 1 else self._rnd.choice((500, 503, 529)) if draw < 1.5 else 200

    def _row(self, ask: Ask, at: float, status: int, end_user: str | None) -> Row:
        rnd, use, client = self._rnd, self.settings, self.client
        new = at >= use.moves_at and rnd.random() < use.moves
        system = (use.system if ask.system is None else ask.system) or None
        said = len(ask.prompt) + sum(len(turn.content) for turn in ask.history) + len(system or "")
        thinks = status == 200 and rnd.random() < use.reasoning
        answer = max(1, int(use.answer * rnd.lognormvariate(0.0, use.spread)))
        answer = min(answer, use.max_tokens or 8192) if status == 200 else 0
        return Row(
            request_id="",
            timestamp="",
            account_id=self.account.account_id,
            model=NEW_MODEL if new else use.model,
            prompt=None if ask.history else ask.prompt,
            messages=[*ask.history, Message("user", ask.prompt)] if ask.history else None,
            system_prompt=system,
            conversation_id=ask.conversation,
            api_key_id=rnd.choice(self._keys) if self._keys else None,
            end_user_id=end_user,
            client_address=client.address(rnd),
            user_agent=client.stack.user_agent,
            tls_fingerprint=None if client.access_path == "cloud" else client.stack.tls,
            access_path=client.access_path,
            input_tokens=int(said / CHARACTERS_PER_TOKEN) + 4,
            output_tokens=answer,
            reasoning_tokens=int(answer * rnd.uniform(0.5, 4)) if thinks else None,
            temperature=use.temperature,
            max_tokens=use.max_tokens,
            n=use.n,
            logprobs=use.logprobs,
            status=status,
        )


def api_settings(rnd: random.Random, world: World, **fields: object) -> Settings:
    """How an ordinary customer's program calls the model; `fields` replace what is drawn."""
    drawn: dict[str, object] = {
        "answer": rnd.lognormvariate(5.7, 0.7),
        "max_tokens": rnd.choice((None, None, None, None, *SIZES, 1024, 4096, 4096)),
        "temperature": rnd.choice((None, None, 0.0, 0.2, 0.3, 0.7, 1.0)),
        "reasoning": rnd.choice((0.0, 0.0, 0.3, 1.0)),
        "n": rnd.choices((None, 1, 3), (94, 4, 2))[0],
        "logprobs": rnd.choices((None, False, True), (93, 4, 3))[0],
        "model": rnd.choices(OLD_MODELS, (7, 3))[0],
        "moves_at": adoption(rnd, world),
        "moves": rnd.uniform(0.4, 1.0),
    }
    return Settings(**(drawn | fields))  # type: ignore[arg-type]


def chat_settings(rnd: random.Random, world: World, **fields: object) -> Settings:
    """How the provider's own chat calls the model for a person."""
    chat: dict[str, object] = {"answer": rnd.lognormvariate(5.9, 0.4)}
    unset = dict.fromkeys(("max_tokens", "temperature", "n", "logprobs"))
    return api_settings(rnd, world, **(chat | unset | fields))


def person_client(rnd: random.Random, *, console: bool) -> Client:
    """A person's own computer: one home address, sometimes a second or third."""
    addresses = tuple(network.home(rnd) for _ in range(rnd.choice((1, 2, 2, 3))))
    stack = network.browser(rnd) if console else network.library(rnd)
    path = "console" if console else rnd.choices(("api", "cloud"), (9, 1))[0]
    return network.Client(addresses=addresses, stack=stack, access_path=path, away=rnd.random() / 2)


def server_client(rnd: random.Random) -> Client:
    """A business customer's program on a few rented machines of one network."""
    place = network.cloud_network(rnd)
    addresses = tuple(network.ipv4(*place, rnd) for _ in range(rnd.choice((1, 1, 2, 4))))
    path = rnd.choices(("api", "cloud"), (3, 1))[0]
    return network.Client(
        addresses=addresses, stack=network.library(rnd), access_path=path, away=0.5
    )
