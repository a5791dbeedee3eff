"""`DIR/evidence/trial.zip`: what a scan's verdicts follow from, kept beside its results.

It holds keyed hashes of the deployment as the sketches do, and is not for sharing: bundles are
made from it, in which hashes are masked and accounts are commitments.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stillwatch.campaigns.trial import Trial
from stillwatch.errors import InputError
from stillwatch.evidence.canonical import digest
from stillwatch.evidence.container import TooMuchError, pack_files, read_archive
from stillwatch.evidence.freeze import Frozen, freeze, thaw
from stillwatch.evidence.mask import Mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from stillwatch.campaigns import Detection

FOLDER, FILE = "evidence", "trial.zip"


@dataclass(frozen=True)
class Docket:
    """What a scan's verdicts follow from.

    Attributes:
        trial: to reach them again.
        members: account keys by campaign id, in the order of the campaign's members.
        findings: digest of the scan's `campaigns.json`.
    """

    trial: Trial
    members: dict[str, NDArray[np.int64]]
    findings: str

    def members_of(self, campaign_id: str) -> NDArray[np.int64]:
        """Account keys of a campaign, in the order of its members.

        Raises:
            InputError: it was found by an earlier scan, which this one went on from.
        """
        if campaign_id not in self.members:
            raise InputError(
                f"{campaign_id} stands as an earlier scan found it, and the evidence lies with the "
                "results of that scan (--since names their folder); or scan everything again"
            )
        return self.members[campaign_id]


def write_docket(detection: Detection, findings: bytes, folder: Path) -> bool:
    """Keep what a scan's verdicts follow from, in its folder; say whether it fits an archive.

    Where it does not, none is left, and no bundles can be made of that scan.

    Args:
        detection: the outcome.
        findings: the bytes of `campaigns.json`.
        folder: of the scan.
    """
    members = {name: np.array(keys, dtype=np.int64) for name, keys in detection.members.items()}
    frozen = freeze({"trial": detection.trial, "members": members}, Mask.none(), "docket")
    head = msgspec.json.encode({"findings": digest(findings)})
    target = folder / FOLDER / FILE
    target.parent.mkdir(exist_ok=True)
    try:
        packed = pack_files(as_files(frozen) | {"head.json": head})
    except TooMuchError:
        target.unlink(missing_ok=True)
        return False
    partial = target.with_name(f"{FILE}.partial")
    with partial.open("wb") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    return True


def read_docket(folder: Path) -> Docket:
    """Read what a scan's verdicts follow from.

    Raises:
        InputError: the scan left none, it is damaged, or of another version.
    """
    path = folder / FOLDER / FILE
    if not path.exists():
        raise InputError("this folder holds no evidence: scan the log again", file=str(folder))
    files = read_archive(path)
    try:
        found = msgspec.json.decode(files.pop("head.json", b""), type=dict[str, str])["findings"]
    except (msgspec.MsgspecError, KeyError):
        raise InputError("has no head: scan the log again", file=str(path)) from None
    whole = thaw(from_files(files, str(path)), file=str(path))
    if not isinstance(whole, dict) or not isinstance(whole.get("trial"), Trial):
        raise InputError("holds no trial: scan the log again", file=str(path))
    return Docket(whole["trial"], whole["members"], found)


def as_files(frozen: Frozen) -> dict[str, bytes]:
    """A frozen value as files of an archive."""
    files = {f"inputs/{name}.zst": data for name, data in frozen.arrays.items()}
    return files | {"inputs.json": msgspec.json.encode(frozen.document)}


def from_files(files: dict[str, bytes], file: str) -> Frozen:
    """A frozen value from the files of an archive.

    Raises:
        InputError: the document among them is missing or no JSON.
    """
    document = read_json(files, "inputs.json", file)
    arrays = {
        name.removeprefix("inputs/").removesuffix(".zst"): data
        for name, data in files.items()
        if name.startswith("inputs/")
    }
    return Frozen(document, arrays)


def read_json(files: dict[str, bytes], name: str, file: str) -> Any:
    """A JSON file of an archive.

    Raises:
        InputError: it is missing or no JSON.
    """
    try:
        return msgspec.json.decode(files[name])
    except KeyError:
        raise InputError(f"lacks {name}", file=file) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {error}", file=file) from None
