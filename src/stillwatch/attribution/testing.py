"""A registered plan, carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.attribution.finding import Finding, conclude
from stillwatch.attribution.observed import (
    READING,
    Observed,
    check_complete,
    read_observed,
    read_prompts,
)
from stillwatch.attribution.radioactivity import radioactivity
from stillwatch.attribution.registry import FINDING, findings_of, registered_at
from stillwatch.attribution.windows import Windows, from_reading, from_samples
from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stillwatch.attribution.keys import MarkKey
    from stillwatch.attribution.observed import Tokenize
    from stillwatch.attribution.registry import Plan
    from stillwatch.evidence.ledger import Ledger
    from stillwatch.progress import Progress


def run_plan(
    ledger: Ledger,
    plan: Plan,
    keys: Sequence[MarkKey],
    prompts: Path,
    files: Mapping[str, Path],
    tokenize: Tokenize | None = None,
    progress: Progress | None = None,
) -> Finding:
    """Test every suspect and control of a plan, and enter the finding.

    Args:
        ledger: that the plan was registered in.
        plan: what was fixed.
        keys: of the plan, in its order.
        prompts: the plan's prompts.
        files: what each model gave back, by its name.
        tokenize: for files that hold texts.
        progress: shows how far it is.

    Raises:
        UsageError: a model of the plan has no file, another has one, or a key is another.
        InputError: the plan was not registered, or a file does not fit it.
        MissingExtraError: a key's scheme needs the extra `attribution`.
    """
    registered_at(ledger, plan)
    _check_names(plan, files)
    if [key.commitment for key in keys] != [marked.commitment for marked in plan.keys]:
        raise UsageError("the secret is not the one that the plan's keys were made with")
    mode, asked = read_prompts(prompts, tokenize)
    if mode != plan.mode or asked.shown_digest != plan.prompts:
        raise InputError("these are not the prompts that were registered", file=str(prompts))
    scores, digests = {}, {}
    with (progress or Silent()).step("testing", len(files) * len(keys)) as step:
        for name in (*plan.suspects, *plan.controls):
            step.note(name)
            seen = read_observed(files[name], plan.mode, tokenize)
            check_complete(seen, asked, plan.answers, files[name])
            digests[name] = seen.digest
            for key in keys:
                windows = _windows(plan.mode, seen, key.mark.context)
                scores[name, key.commitment] = radioactivity(windows, key, decoys=plan.decoys)
                step.advance()
    finding = conclude(plan, scores, keys, digests, findings_of(ledger, plan))
    ledger.append(FINDING, _entry(finding))
    ledger.checkpoint()
    return finding


def _check_names(plan: Plan, files: Mapping[str, Path]) -> None:
    wanted = {*plan.suspects, *plan.controls}
    if missing := sorted(wanted - files.keys()):
        raise UsageError(f"the plan has {missing[0]!r}; every model of it is tested, none left out")
    if surplus := sorted(files.keys() - wanted):
        raise UsageError(f"{surplus[0]!r} is not in the plan")


def _windows(mode: str, seen: Observed, context: int) -> Windows:
    make = from_reading if mode == READING else from_samples
    return make(seen.shown, seen.given, context)


def _entry(finding: Finding) -> dict[str, object]:
    """What the ledger keeps: numbers and digests, not the words."""
    return {
        "plan": finding.plan,
        "observed": finding.observed,
        "lines": [
            {
                "model": line.model,
                "key": line.score.key,
                "windows": line.score.windows,
                "hits": line.score.hits,
                "trials": line.score.trials,
                "p": line.score.p,
                "adjusted": line.adjusted,
                "verdict": line.verdict,
            }
            for line in finding.lines
        ],
    }
