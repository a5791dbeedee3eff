"""How the service is set up: a TOML file, and the environment for secrets."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Annotated

import msgspec

from stillwatch.errors import UsageError
from stillwatch.guard.adapters.forward_auth import FIELDS
from stillwatch.guard.toml_file import Section, convert, read_toml

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "STILLWATCH_TOKEN"  # noqa: S105 - the variable's name
REDIS_URL = "STILLWATCH_REDIS_URL"


class Settings(Section, frozen=True, kw_only=True):
    """The whole file; paths are relative to it.

    Attributes:
        host, port: where the service listens.
        policy: the policy file; the built-in policy, in shadow mode, where there is none.
        snapshot: what is in force, as scans and people publish it.
        accounts: the provider's account file.
        intake: folder for logs that are posted; without one they are refused.
        headers: header of each field in forward authentication.
        log_silence_seconds: after how long without a posted log the health page says so; 0 never.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8321
    policy: str = ""
    snapshot: str = ""
    accounts: str = ""
    intake: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    log_silence_seconds: Annotated[float, msgspec.Meta(ge=0)] = 900.0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.headers) - set(FIELDS))
        if unknown:
            known = ", ".join(FIELDS)
            raise ValueError(f"headers: there is no field {unknown[0]!r}; there are {known}")


class Secrets(msgspec.Struct, frozen=True):
    """What comes from the environment.

    Attributes:
        token: that gateways send, empty for none.
        redis_url: of the shared store, empty for none.
    """

    token: str = ""
    redis_url: str = ""

    def __repr__(self) -> str:
        return "Secrets(…)"

    @classmethod
    def load(cls) -> Secrets:
        """Read the environment."""
        return cls(os.environ.get(TOKEN, ""), os.environ.get(REDIS_URL, ""))


def load_settings(path: Path) -> Settings:
    """Read a settings file.

    Raises:
        InputError: it cannot be read, is not TOML, or a key is wrong; line and key are named.
    """
    text = read_toml(path, "settings file")
    settings = convert(text, Settings, file=str(path), pages="docs/guard.md")
    folder = path.parent
    paths = {
        name: str(folder / value)
        for name in ("policy", "snapshot", "accounts", "intake")
        if (value := getattr(settings, name))
    }
    return msgspec.structs.replace(settings, **paths)


def check_exposure(settings: Settings, secrets: Secrets) -> None:
    """Refuse to listen to strangers without a token.

    Raises:
        UsageError: the address is not this machine's own and no token is set.
    """
    try:
        loopback = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = settings.host == "localhost"
    if not loopback and not secrets.token:
        raise UsageError(
            f"{settings.host} is open to other machines: set {TOKEN} to a secret that the gateway "
            "sends, or listen on 127.0.0.1"
        )
