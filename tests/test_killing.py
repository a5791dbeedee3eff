"""A scan that is killed at any moment and run again writes what an undisturbed one writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from pathlib import Path

KEY = "5c" * 32
MOMENTS = 10
WORLD = Scenario(
    days=4,
    groups={
        "individuals": {"accounts": 60, "per_day": 4.0, "rare": 0.0},
        "hydra": {
            "kind": "loud_hydra", "accounts": 16, "life_days": 0.0, "network": "proxies",
            "email": "invented", "payment": "several",
        },
    },
)  # fmt: skip

CHILD = """
import os, random, signal, sys, time
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

sketches, accounts, undisturbed, killed, key, moments = sys.argv[1:]
key = SketchKey.from_hex(key, source="the test")

def run(out, seconds=None):
    # a scan in a process of its own, killed after some seconds
    child = os.fork()
    if not child:
        code = 1
        try:
            scan(sketches=sketches, accounts=accounts, out=out, key=key, keep_index=True)
            code = 0
        except Exception as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]

started = time.monotonic()
assert run(undisturbed) == 0
took = time.monotonic() - started
chance = random.Random(7)
for _ in range(int(moments)):
    run(killed, chance.uniform(0, took))
assert run(killed) == 0
"""


def test_killed_at_any_moment_a_scan_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    made = simulate_sketches(
        WORLD, tmp_path / "world", seed=1, key=SketchKey.from_hex(KEY, source="the test")
    )
    folders = [tmp_path / "undisturbed", tmp_path / "killed"]
    # this process holds the first folder until it ends
    copied = shutil.copytree(made.sketches, tmp_path / "sketches")
    given = [copied, made.accounts, *folders, KEY, MOMENTS]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, given)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    left = [{p.relative_to(out) for p in out.rglob("*") if p.is_file()} for out in folders]
    assert left[0] == left[1]
    for name in sorted(left[0]):
        undisturbed, killed = ((out / name).read_bytes() for out in folders)
        assert undisturbed == killed, name
