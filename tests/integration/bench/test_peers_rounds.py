"""The speed rounds as a command, where no peer is installed: it goes on, and says how to install them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "benchmarks" / "bench_peers.py"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command with no compiler on its path and no environment in its cache."""
    bare = {**os.environ, "PATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run([sys.executable, str(BENCH), *words], capture_output=True, check=False, env=bare, text=True)


def test_peers_that_are_missing_are_named_with_the_remedy(tmp_path: Path) -> None:
    # Given three jobs and a machine with no peer
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("id,submit,nres,runtime,walltime\n1,0,1,600,900\n2,5,1,60,90\n3,5,1,60,90\n", encoding="utf-8")
    # When a trial round is run
    done = run(tmp_path, "--jobs", str(jobs), "--quick", "--out", str(tmp_path / "out" / "told.json"))
    # Then the reference ran and counts
    told = json.loads((tmp_path / "out" / "told.json").read_text(encoding="utf-8"))
    assert told["peers"][0]["name"] == "reference", done.stderr
    assert told["peers"][0]["counts"] is True
    assert told["peers"][0]["runs"][0]["said"]["mean_wait_s"] == 0.0
    # and each peer that is missing is named, with what installs it
    assert {"SimGrid", "leaf", "vessim"} <= set(told["missing"])
    for words in ("apt-get install libsimgrid-dev g++", "leafsim 0.4.2 is not installed", "--install"):
        assert words in done.stdout


def test_no_round_and_no_trace_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "--rounds", "0")
    assert (done.returncode, "at least 1 is allowed" in done.stderr) == (2, True)
    done = run(tmp_path, "--jobs", str(tmp_path / "none.csv"))
    assert (done.returncode, "none.csv is not here" in done.stdout) == (2, True)
