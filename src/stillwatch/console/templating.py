"""The console's templates: the report's environment and macros, and what pages link to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import jinja2
from litestar.plugins.jinja import JinjaTemplateEngine
from markupsafe import Markup

from stillwatch._version import __version__
from stillwatch.report import wording
from stillwatch.report.templating import PACKAGE, environment
from stillwatch.standing import Action

_TRAITS = {
    "system_key": "system prompt",
    "head4_key": "first four words",
    "head8_key": "first eight words",
    "tail4_key": "last four words",
    "tail8_key": "last eight words",
    "skeleton_key": "structure",
    "payment": "payment",
    "network": "network",
    "client": "client fingerprint",
    "signup network": "sign-up network",
}


def engine() -> JinjaTemplateEngine:
    """The template engine; every text that is put in is escaped and made visible."""
    made = environment(
        jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("stillwatch.console"),
                jinja2.PackageLoader(PACKAGE),
            ]
        )
    )
    made.filters |= {
        "when": when,
        "segment": lambda text: quote(str(text), safe=""),
        "token": token,
        "trait": trait_name,
        "who": who,
        "text": _text,
    }
    made.globals |= {"actions": list(Action), "version": __version__}
    return JinjaTemplateEngine.from_environment(made)


def when(moment: datetime | None) -> Markup:
    """A moment to the minute, for people and for programs."""
    if moment is None:
        return Markup("–")
    shown = wording.moment(moment.isoformat())
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), shown)


def who(actor: str) -> str:
    """An actor as people say it: ``ada``, ``Stillwatch (bulk)``, ``the program portal``."""
    kind, _, name = actor.partition(":")
    if kind == "user":
        return name
    return {"system": f"Stillwatch ({name})", "token": f"the program {name}"}.get(kind, actor)


def token(key: int) -> str:
    """A keyed hash as people can tell it apart: the first eight of its hex digits."""
    return f"{key & 0xFFFFFFFFFFFFFFFF:016x}"[:8]


def trait_name(kind: str) -> str:
    """What a kind of trait is, in words."""
    if kind.startswith("band"):
        return "similar wording"
    return _TRAITS.get(kind, kind)


def _text(value: Any) -> Markup:
    """A longer text that somebody wrote, with its line breaks."""
    return Markup.escape(wording.visible(str(value), 20_000, keep="\n\t"))
