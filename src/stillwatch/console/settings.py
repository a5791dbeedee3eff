"""What a deployment of the console can set, from a TOML file and the environment."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from stillwatch.cases.rules import Rules
from stillwatch.errors import InputError, UsageError
from stillwatch.sketch.key import SketchKey

DATABASE = "STILLWATCH_DATABASE"
WEBHOOK_SECRET = "STILLWATCH_WEBHOOK_SECRET"  # noqa: S105 - the variable's name
OIDC_SECRET = "STILLWATCH_OIDC_CLIENT_SECRET"  # noqa: S105 - the variable's name
SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """An OpenID Connect provider.

    Attributes:
        issuer: its address; its metadata are discovered from there.
        client_id, client_secret: of this console.
        role_claim: the claim that names the role; a list or one word.
        roles: the provider's words for our roles; who has none of them is not let in.
        label: what the button says.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = "groups"
    roles: dict[str, str] = field(default_factory=dict)
    label: str = "Single sign-on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that `create_app` needs.

    Attributes:
        database: SQLAlchemy address or file name.
        key: the deployment's secret.
        snapshot: file to publish what is in force to; None to publish nothing.
        base_url: where people reach the console; cookies are for https if it is https.
        webhook_secret: shared with the verification vendor; without it webhooks are refused.
        verify_url: the vendor's page, with ``{request}`` for the request's token; None where the
            customer's page only says what to do.
        contact: how customers reach a person, shown on their pages.
        oidc: single sign-on, if any.
        rules: of the house.
        policy: the guard's policy file, with which a preview begins.
        logs: past data for previews: files or folders; those of the last scan where not given.
        accounts: the account file, for previews.
        trusted_proxies: peers whose ``X-Forwarded-For`` is believed.
        background: whether to run the workers in this process.
    """

    database: str
    key: SketchKey
    snapshot: Path | None = None
    base_url: str = "http://localhost:8470"
    webhook_secret: bytes | None = field(default=None, repr=False)
    verify_url: str | None = None
    contact: str = ""
    oidc: Oidc | None = None
    rules: Rules = field(default_factory=Rules)
    policy: Path | None = None
    logs: tuple[str, ...] = ()
    accounts: Path | None = None
    trusted_proxies: frozenset[str] = frozenset()
    background: bool = True

    @property
    def secure(self) -> bool:
        """Whether people come by https, so that cookies may be for https alone."""
        return self.base_url.startswith("https://")


class _OidcFile(msgspec.Struct, forbid_unknown_fields=True):
    issuer: str
    client_id: str
    role_claim: str = "groups"
    roles: dict[str, str] = msgspec.field(default_factory=dict)
    label: str = "Single sign-on"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    base_url: str = "http://localhost:8470"
    snapshot: str | None = None
    verify_url: str | None = None
    contact: str = ""
    policy: str | None = None
    logs: list[str] = msgspec.field(default_factory=list)
    accounts: str | None = None
    trusted_proxies: list[str] = msgspec.field(default_factory=list)
    oidc: _OidcFile | None = None


def load_settings(
    database: str | None = None,
    file: Path | None = None,
    *,
    snapshot: Path | None = None,
    policy: Path | None = None,
    accounts: Path | None = None,
) -> Settings:
    """Settings from a file and the environment; secrets from the environment alone.

    Args:
        database: its address; from the environment where not given.
        file: the settings file.
        snapshot: comes before the file's.
        policy: comes before the file's.
        accounts: comes before the file's.

    Raises:
        UsageError: something needed is missing, or a secret is too short.
        InputError: the file cannot be used.
    """
    found = _read(file) if file else _File()
    address = database or os.environ.get(DATABASE)
    if not address:
        raise UsageError(f"name a database with --database or in {DATABASE}")
    return Settings(
        database=address,
        key=SketchKey.load(),
        snapshot=snapshot or _path(found.snapshot),
        base_url=found.base_url.rstrip("/"),
        webhook_secret=_webhook_secret(),
        verify_url=found.verify_url,
        contact=found.contact,
        oidc=_oidc(found.oidc),
        policy=policy or _path(found.policy),
        logs=tuple(found.logs),
        accounts=accounts or _path(found.accounts),
        trusted_proxies=frozenset(found.trusted_proxies),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read(file: Path) -> _File:
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(file)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", file=str(file)) from error
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        raise InputError(
            problem, file=str(file), field=where.strip("`").removeprefix("$.")
        ) from error


def _webhook_secret() -> bytes | None:
    text = os.environ.get(WEBHOOK_SECRET)
    if text is None:
        return None
    if len(text) < SHORTEST_SECRET:
        raise UsageError(f"{WEBHOOK_SECRET} must have at least {SHORTEST_SECRET} characters")
    return text.encode()


def _oidc(found: _OidcFile | None) -> Oidc | None:
    if found is None:
        return None
    secret = os.environ.get(OIDC_SECRET)
    if not secret:
        raise UsageError(f"single sign-on needs its client secret in {OIDC_SECRET}")
    return Oidc(
        issuer=found.issuer.rstrip("/"),
        client_id=found.client_id,
        client_secret=secret,
        role_claim=found.role_claim,
        roles=found.roles,
        label=found.label,
    )
