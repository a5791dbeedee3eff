"""The statistics once more, from the sketches in a bundle, by the code that judges scans."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.moves import MOVES
from stillwatch.campaigns.trial import Trial
from stillwatch.errors import InputError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.outcome import campaign_of, differences, outcome
from stillwatch.evidence.docket import from_files
from stillwatch.evidence.freeze import thaw

if TYPE_CHECKING:
    from stillwatch.evidence.bundle.checks import Verification

STATED = (
    "verdict",
    "coordination_p",
    "extraction_p",
    "e_value",
    "concealment",
    "facts",
    "explanations",
    "would_change",
    "without_strongest",
)
"""What a verdict says that a trial leads to."""

_SHOWN = 3


def recompute(done: Verification, files: dict[str, bytes], documents: dict[str, Any]) -> None:
    """Judge again and compare with what the bundle says; what came of it is noted.

    What is judged is hostile until it has led to the same numbers, and judging was not written for
    hostile arrays: whatever it raises means that the statistics are not confirmed.
    """
    try:
        found = _judged_again(files)
    except InputError as error:
        done.failed("statistics", f"cannot be computed again: {error}")
    except Exception as error:
        done.failed(
            "statistics", f"cannot be computed again: {type(error).__name__}: {error}"[:500]
        )
    else:
        _compare(done, documents, found)


def _judged_again(files: dict[str, bytes]) -> dict[str, Any]:
    whole = thaw(from_files(files, ""))
    trial = whole.get("trial") if isinstance(whole, dict) else None
    members = whole.get("members") if isinstance(whole, dict) else None
    if not isinstance(trial, Trial) or not isinstance(members, np.ndarray):
        raise InputError("inputs.json holds no trial")
    verdicts = trial.verdicts()
    found = campaign_of(verdicts, set(members.tolist()))
    if found is None:
        raise InputError("the sketches lead to no campaign with these members")
    return outcome(trial, verdicts, found) | {"members": len(members)}


def _compare(done: Verification, documents: dict[str, Any], found: dict[str, Any]) -> None:
    verdict = documents[contents.VERDICT]
    members = found.pop("members")
    stated = {name: verdict.get(name) for name in STATED} | {"facts": _of_the_trial(verdict)}
    reached = {name: found[name] for name in STATED}
    wrong = [
        *differences(stated, reached, "verdict"),
        *differences(documents[contents.OUTCOME], found, "outcome"),
    ]
    if len(verdict.get("members", [])) != members:
        wrong.append(("members", len(verdict.get("members", [])), members))
    if wrong:
        shown = "; ".join(
            f"{path}: stated {a!r}, computed {b!r}" for path, a, b in islice(wrong, _SHOWN)
        )
        done.failed(
            "statistics", f"{len(wrong)} differ from what was computed again: {shown}"[:800]
        )
        return
    numbers = _numbers(found)
    done.passed(
        "statistics",
        f"judging the sketches again gives the same: {verdict['verdict']}, {_sureness(verdict)}, "
        f"all {numbers} numbers of the tests and all {members:,} members on their own evidence",
    )


def _of_the_trial(verdict: dict[str, Any]) -> Any:
    """The facts that follow from the trial; what moves is counted over all requests."""
    facts = verdict.get("facts")
    if not isinstance(facts, list):
        return facts
    return [f for f in facts if not (isinstance(f, dict) and f.get("signal") in MOVES)]


def _sureness(verdict: dict[str, Any]) -> str:
    parts = [
        f"{name} {verdict[key]:.3g}"
        for name, key in (
            ("coordination p =", "coordination_p"),
            ("extraction p =", "extraction_p"),
            ("e =", "e_value"),
        )
        if isinstance(verdict.get(key), (int, float))
    ]
    return ", ".join(parts)


def _numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(_numbers, value))
    return int(isinstance(value, (int, float)) and not isinstance(value, bool))
