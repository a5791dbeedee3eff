"""How text gets onto a page: escaped, made visible, and in the words that people use."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from stillwatch.report import headline, wording

PACKAGE = "stillwatch.report"
_PROMPT_LENGTH = 2_000
_BRIEF_LENGTH = 240


def environment(loader: jinja2.BaseLoader) -> jinja2.Environment:
    """Templates in which every text that is put in is first escaped and made visible.

    Args:
        loader: where the templates are.
    """
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "about": wording.about,
        "brief": lambda text: wording.visible(text, _BRIEF_LENGTH),
        "chance": wording.chance,
        "count": wording.count,
        "day": wording.day,
        "e_strength": wording.e_strength,
        "habit": wording.habit,
        "label": wording.label,
        "moment": wording.moment,
        "money": wording.money,
        "name": wording.name,
        "p_value": wording.p_value,
        "percent": wording.percent,
        "plural": wording.plural,
        "short_day": wording.short_day,
        "prompt": _prompt,
    }
    made.globals |= {
        "bet": headline.bet,
        "meaning": headline.MEANING,
        "opening": headline.opening,
        "span": wording.span,
        "aims": headline.aims,
        "without_strongest": headline.without_strongest,
    }
    return made


def _finalize(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.visible(value)
    return value


def _prompt(text: str) -> Markup:
    """A raw prompt with its line breaks."""
    return Markup.escape(wording.visible(text, _PROMPT_LENGTH, keep="\n\t"))
