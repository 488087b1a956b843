"""The rules of a test session hold: CI takes no skip it did not allow, and a process left behind is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import leaks

TESTS = Path(__file__).resolve().parents[2]
CASES = """
import pytest

def test_ordinary(): pytest.skip("no reason that counts")
def test_sandbox(): pytest.skip("bubblewrap is not installed")
@pytest.mark.shared_data
def test_originals(): pytest.skip("../shared/data is not here")
@pytest.mark.xfail
def test_known(): assert False
"""
ORPHAN = """
import subprocess, sys
waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
quiet = subprocess.DEVNULL
print(subprocess.Popen(waits, stdin=sys.stdin, stdout=quiet, stderr=quiet, start_new_session=True).pid)
"""


def outcome(folder: Path, ci: str) -> str:
    """Run CASES under the rule, ../shared/data being absent; the closing line."""
    rule = folder / "repo" / "tests" / "skip_rule.py"
    rule.parent.mkdir(parents=True)
    rule.write_text((TESTS / "skip_rule.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_cases.py").write_text(CASES, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = shared_data: x\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "skip_rule", "-p", "no:cacheprovider", "test_cases.py"],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(rule.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(("ci", "closing"), [("true", "1 failed, 2 skipped, 1 xfailed"), ("", "3 skipped, 1 xfailed")])
def test_ci_fails_a_skip_that_is_not_allowed(tmp_path: Path, ci: str, closing: str) -> None:
    assert outcome(tmp_path, ci).startswith(closing)


def test_a_process_whose_parent_is_gone_is_found_by_its_mark() -> None:
    # given: a grandchild in a session of its own that waits for the end of its input, and a parent that has ended
    mark = f"{leaks.MARK}=of-this-test-only"
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w"):
        parent = subprocess.run(
            [sys.executable, "-c", ORPHAN],
            env={**os.environ, leaks.MARK: "of-this-test-only"},
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        orphan = psutil.Process(int(parent.stdout))

        # when
        left = leaks.left_over(mark)
        leaks.kill({orphan: ""})

    # then
    assert orphan in left
    assert orphan not in leaks.left_over(mark)
