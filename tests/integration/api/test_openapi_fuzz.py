"""No request makes the API answer otherwise than its OpenAPI document says; see `openapi_fuzz`, which asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_operation_gives_documented_answers_only():
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("openapi_fuzz.py"))],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    assert ", 0 failed" in done.stdout
