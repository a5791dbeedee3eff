from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.errors import InputError
from stillwatch.evidence import container, docket

if TYPE_CHECKING:
    from pathlib import Path


def test_what_no_archive_holds_is_not_kept_and_the_scan_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detection: Any = SimpleNamespace(trial=None, members={"c-1": (1, 2)})
    monkeypatch.setattr(docket, "freeze", lambda *_: None)
    monkeypatch.setattr(docket, "as_files", lambda _: {"array": bytes(1000)})
    assert docket.write_docket(detection, b"{}", tmp_path)
    kept = tmp_path / docket.FOLDER / docket.FILE
    assert kept.exists()
    monkeypatch.setattr(container, "MAX_BYTES", 1000)
    assert not docket.write_docket(detection, b"{}", tmp_path)
    assert not kept.exists()
    with pytest.raises(InputError):
        docket.read_docket(tmp_path)
