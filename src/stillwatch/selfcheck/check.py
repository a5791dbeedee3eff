"""From a customer's log to what is said about it. Nothing leaves the machine or stays on it."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.engine import session
from stillwatch.errors import InputError, UsageError
from stillwatch.ingest import ingest
from stillwatch.progress import Silent
from stillwatch.readers import open_log
from stillwatch.secret import SECRET_BYTES
from stillwatch.selfcheck.friction import Friction, frictions
from stillwatch.selfcheck.looks import FEWEST, Looks, Statement, reading, statements
from stillwatch.selfcheck.measure import Traits, traits_of
from stillwatch.selfcheck.terms import TermsCheck, compare, load_terms
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.sketch.key import PLACE
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is said about a log.

    Attributes:
        traits: what was measured.
        rejected: records that could not be used.
        reading: what the traffic as a whole reads like.
        statements: how it looks, a topic each.
        frictions: what may raise a question, why, and what to declare.
        terms: what a provider's terms say of it; None where none were given.
    """

    traits: Traits
    rejected: int
    reading: Statement
    statements: tuple[Statement, ...]
    frictions: tuple[Friction, ...]
    terms: TermsCheck | None


def selfcheck(
    logs: Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the contract's name
    terms: str | None = None,
    uses: Sequence[str] = (),
    memory: str = "4GB",
    progress: Progress | None = None,
) -> Check:
    """Say how a customer's own traffic looks to a detector.

    Args:
        logs: files, folders, globs, or ``-`` for standard input.
        format: name of the log format; recognised by content where not given.
        terms: a file of terms, or the name of an example.
        uses: what the customer says the use is, names of `terms.USES`.
        memory: most memory the engine may take.
        progress: shows the steps.

    Raises:
        UsageError: there is no such use or terms, or uses are named without terms.
        InputError: a file cannot be used, or nothing in the log can.
    """
    if uses and terms is None:
        raise UsageError("--use is compared with terms: name them with --terms")
    given = load_terms(terms) if terms is not None else None
    if given is not None:
        compare(given, uses, {})  # a wrong name is told before the log is read
    traits, rejected = measured(logs, format=format, memory=memory, progress=progress)
    looks = Looks.of(traits)
    return Check(
        traits=traits,
        rejected=rejected,
        reading=reading(traits, looks),
        statements=statements(traits, looks),
        frictions=frictions(traits, looks),
        terms=None if given is None else compare(given, uses, _shown(traits, looks)),
    )


def _shown(traits: Traits, looks: Looks) -> dict[str, str]:
    """Uses that a log shows, or that it could be, and which."""
    if traits.requests < FEWEST:
        return {}
    shows, could = "the log shows it", "the log could be this"
    found = {
        "product": (looks.application or traits.end_users > 0, shows),
        "batch": (looks.job, shows),
        "evaluation": (looks.job and looks.exercise, could),
        "several_accounts": (traits.accounts > 1, shows),
        "resale": (looks.pooled, could),
        "training": (looks.harvest, could),
        "competing": (looks.harvest, could),
        "reasoning": (looks.harvest, could),
    }
    return {use: why for use, (applies, why) in found.items() if applies}


def measured(
    logs: Sequence[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the contract's name
    memory: str = "4GB",
    progress: Progress | None = None,
) -> tuple[Traits, int]:
    """Measure a log in a folder that is gone afterwards.

    Returns:
        What was measured, and how many records were rejected.

    Raises:
        InputError: a file cannot be used, or nothing in it can.
    """
    progress = progress or Silent()
    key = _key()
    log = open_log([str(source) for source in logs], format=format, progress=progress)
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as name:
        folder = Path(name)
        store = SketchStore.open(folder / "sketches", key.fingerprint)
        ingest(log, store, Sketcher(key), folder / "rejected.jsonl")
        store.seal(memory=memory)
        if not len(store.names()):
            raise InputError("the log holds no usable request")
        with (
            progress.step("measuring", 1) as step,
            session(memory=memory, spill=store.path / "spill") as backend,
        ):
            found = traits_of(store.requests(backend))
            step.advance()
        rejected = sum(entry.rejected for entry in store.taken())
    return found, rejected


def _key() -> SketchKey:
    """The deployment's key where there is one, else one for this run only."""
    named = any(os.environ.get(name) for name in (PLACE.variable, PLACE.file_variable))
    if named or PLACE.default_file.exists():
        return SketchKey.load()
    return SketchKey(secrets.token_bytes(SECRET_BYTES))
