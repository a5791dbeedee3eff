"""A provider's terms as data, and a use compared with them. No legal advice; see docs/terms.md."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from stillwatch.errors import UsageError
from stillwatch.guard.toml_file import Section, convert, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PAGES = "docs/terms.md"
_FOLDER = "examples"

Answer = Literal["allowed", "ask", "forbidden"]
Need = Literal[
    "organisation", "batch_endpoint", "evaluation_programme", "end_user_ids", "reseller_list",
    "written_permission",
]  # fmt: skip


class Clause(Section, frozen=True, kw_only=True):
    """What the terms say of one use.

    Attributes:
        answer: ``allowed``, ``ask`` (with permission only) or ``forbidden``.
        says: the rule in one sentence, for people.
        clause: where it stands in the provider's document.
        needs: what must be declared or used for it.
    """

    answer: Answer
    says: str
    clause: str = ""
    needs: tuple[Need, ...] = ()


class Uses(Section, frozen=True, kw_only=True):
    """The uses that terms can speak of; one that is missing is not spoken of.

    Attributes:
        product: answers are shown to the users of an own product.
        batch: a program sends own records.
        evaluation: models are measured, such as on a benchmark.
        several_accounts: one customer works over several accounts.
        resale: others use the access.
        training: a model is trained on the answers.
        competing: a model is trained on the answers that competes with the provider's.
        reasoning: the model's reasoning is collected.
    """

    product: Clause | None = None
    batch: Clause | None = None
    evaluation: Clause | None = None
    several_accounts: Clause | None = None
    resale: Clause | None = None
    training: Clause | None = None
    competing: Clause | None = None
    reasoning: Clause | None = None


class Terms(Section, frozen=True, kw_only=True):
    """A provider's terms.

    Attributes:
        title: of the document.
        provider: whose.
        version: or date of the document.
        source: where it is found.
        use: what it says by use.
    """

    title: str
    provider: str = ""
    version: str = ""
    source: str = ""
    use: Uses = msgspec.field(default_factory=Uses)


USES: tuple[str, ...] = Uses.__struct_fields__


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One use compared with the terms.

    Attributes:
        use: its name in `USES`.
        because: ``declared``, or ``the log shows it``, or ``the log could be this``.
        answer: as the terms say; ``not said`` where they do not.
        says, clause, needs: from the terms.
    """

    use: str
    because: str
    answer: str
    says: str = ""
    clause: str = ""
    needs: tuple[str, ...] = ()


class TermsCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Terms by name, and what they say of each use that was declared or seen."""

    title: str
    version: str
    findings: tuple[Finding, ...]


def load_terms(name: str) -> Terms:
    """Terms from a file, or an example that comes with the package.

    Raises:
        UsageError: there is neither a file nor an example of that name.
        InputError: the file is not TOML, a key does not exist, or a value makes no sense.
    """
    if name in examples():
        text = (resources.files(__package__) / _FOLDER / f"{name}.toml").read_text("utf-8")
    elif Path(name).exists():
        text = read_toml(Path(name), "file of terms")
    else:
        raise UsageError(
            f"there is no file of terms {name!r}; examples are {', '.join(examples())}"
        )
    return convert(text, Terms, file=name, pages=_PAGES)


def examples() -> tuple[str, ...]:
    """Names of the terms that come with the package; they are nobody's."""
    files = (resources.files(__package__) / _FOLDER).iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml")))


def compare(terms: Terms, declared: Iterable[str], shown: Mapping[str, str]) -> TermsCheck:
    """What terms say of the uses that a customer declares and that its log shows.

    Args:
        terms: a provider's.
        declared: names of uses.
        shown: names of uses to why they are asked about.

    Raises:
        UsageError: there is no such use.
    """
    asked = dict(shown) | dict.fromkeys(declared, "declared")
    if unknown := sorted(set(asked) - set(USES)):
        raise UsageError(f"there is no use {unknown[0]!r}; there are {', '.join(USES)}")
    findings = [_finding(use, asked[use], getattr(terms.use, use)) for use in USES if use in asked]
    return TermsCheck(title=terms.title, version=terms.version, findings=tuple(findings))


def _finding(use: str, because: str, clause: Clause | None) -> Finding:
    if clause is None:
        return Finding(use=use, because=because, answer="not said")
    return Finding(
        use=use,
        because=because,
        answer=clause.answer,
        says=clause.says,
        clause=clause.clause,
        needs=clause.needs,
    )
