"""Runs all tests: most of them side by side, some by themselves, and what may have failed for want of time once more.

Run: python tools/run_tests.py. Tests of real processes live on a clock that nobody can stop, sixty times as fast as
ours: where the machine stands still for some seconds, promises are broken that the code keeps. So a few failures among
them are tried once more, alone, each in a process of its own; what fails then fails, and what passes is named, for a
test that needs it often has to be mended. Anything else, and more than a few, fails at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# They measure shares of cores, or have a clock to beat.
ALONE = ("tests/integration/engine", "tests/acceptance/test_demo.py")
# Three at a time, for many wait, and files of long tests first, so that none of them is alone at the end.
BESIDE = (
    *("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"),
    *(word for path in ALONE for word in ("--ignore", path)),
    *(f"tests/{room}" for room in ("acceptance", "scenario", "integration", "property", "unit")),
)
# More of them than cores are at work already: threads of one sum would only wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MOST_AGAIN = 3
REAL_PROCESSES = ("tests/acceptance/", "tests/integration/")

_TESTS_FAILED = 1
_PROCESSES_LEFT = 70  # none of pytest's own


def pytest(arguments: Sequence[str], **settings: str) -> tuple[int, list[str]]:
    """Run pytest from the root, with settings in its environment; gives its exit status and what failed.

    Processes that a session leaves (`tests/leaks.py`) have a status of their own, since they are told at the expense
    of whichever test ran last.
    """
    with tempfile.TemporaryDirectory(prefix="ondol-tests-") as cache:
        left = Path(cache) / "processes-left"
        command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
        env = os.environ | settings | {"ONDOL_TESTS_LEFT": str(left)}
        status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
        noted = Path(cache) / "v" / "cache" / "lastfailed"
        if left.exists():
            status = _PROCESSES_LEFT
        return status, sorted(json.loads(noted.read_text())) if noted.is_file() else []


def may_try_again(statuses: Sequence[int], failed: Sequence[str]) -> bool:
    """Say whether what failed may be the machine's doing: a few tests of real processes, and nothing else at all.

    Parameters
    ----------
    statuses : pytest's exit statuses
    failed : tests as pytest names them, files where they could not be read
    """
    return (
        set(statuses) <= {0, _TESTS_FAILED}
        and 0 < len(failed) <= MOST_AGAIN
        and all(one.startswith(REAL_PROCESSES) and "::" in one for one in failed)
    )


def say(words: str, tests: Sequence[str]) -> None:
    """Write words and names of tests, a line each."""
    sys.stdout.write("\n  ".join(("\n" + words, *tests)) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run all; gives the exit status, 0 where everything passed."""
    runs = [pytest(BESIDE, **ONE_THREAD), pytest(ALONE)]
    statuses, failed = [status for status, _ in runs], [one for _, names in runs for one in names]
    if not any(statuses):
        return 0
    if not may_try_again(statuses, failed):
        return 1
    say(f"{len(failed)} of real processes failed; once more, alone:", failed)
    if any(pytest([one])[0] for one in failed):
        return 1
    say("Passed at the second try, alone, and are to be looked at:", failed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
