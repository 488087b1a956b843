"""Given tests that fail once or always, when all are run, then only a few of real processes have a second try."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "run_tests.py"
PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    assert False\n"
FAILS_ONCE = """
from pathlib import Path

def test_it():
    been = Path(__file__).with_suffix(".been")
    if not been.exists():
        been.touch()
        assert False
"""

LEAVES = """
import subprocess

def test_it():
    subprocess.Popen(["sh", "-c", "sleep 600 & "])
"""
HOUSE_RULE = f"""
import importlib.util

spec = importlib.util.spec_from_file_location("of_the_house", {str(TOOL.parents[1] / "tests" / "conftest.py")!r})
house = importlib.util.module_from_spec(spec)
spec.loader.exec_module(house)
house.LEAK_GRACE_S = 0.2
no_process_left = house.no_process_left
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_tests", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "BESIDE", ("-n", "1", "tests/acceptance", "tests/unit"))
    monkeypatch.setattr(module, "ALONE", ("tests/integration",))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    options = "-p no:schemathesis -p no:hypothesispytest --import-mode=importlib"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\npythonpath = {TOOL.parents[1] / 'tests'}\n")
    for room in ("acceptance", "integration", "unit"):
        write(tmp_path, room, PASSES)
    return module


def write(root: Path, room: str, text: str, name: str = "test_a.py") -> None:
    file = root / "tests" / room / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("room", "text", "second_try", "passes"),
    [
        ("acceptance", FAILS_ONCE, True, True),
        ("integration", FAILS, True, False),
        ("acceptance", "import nothing_of_that_name\n", False, False),
    ],
    ids=["fails once", "fails always", "unreadable"],
)
def test_what_fails_once_passes_and_is_named(
    room: str, text: str, second_try: bool, passes: bool, tool: ModuleType, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write(tmp_path, room, text)
    assert tool.main() == (not passes)
    out = capfd.readouterr().out
    assert ("once more, alone" in out) == second_try
    assert (f"to be looked at:\n  tests/{room}/test_a.py::test_it" in out) == passes


def test_all_that_passes_is_run_once(tool: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert tool.main() == 0
    assert "once more" not in capfd.readouterr().out


def test_a_process_that_is_left_is_not_forgiven(
    tool: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "conftest.py").write_text(HOUSE_RULE)
    write(tmp_path, "integration", LEAVES)
    assert tool.main() == 1
    out = capfd.readouterr().out
    assert "tests left processes running" in out
    assert "once more" not in out


@pytest.mark.parametrize(
    ("statuses", "failed", "may"),
    [
        ((1, 0), ["tests/acceptance/test_a.py::test_b[c]"], True),
        ((1, 1), ["tests/acceptance/test_a.py::test_b", "tests/integration/x/test_a.py::test_b"], True),
        ((1, 0), [f"tests/acceptance/test_a.py::test_{number}" for number in range(4)], False),
        ((1, 0), ["tests/acceptance/test_a.py"], False),
        ((1, 0), ["tests/acceptance/test_a.py::test_b", "tests/unit/test_a.py::test_b"], False),
        ((1, 0), ["tests/scenario/test_a.py::test_b"], False),
        ((1, 0), ["tests/property/test_a.py::test_b"], False),
        ((1, 0), [], False),
        ((2, 1), ["tests/acceptance/test_a.py::test_b"], False),
        ((1, 70), ["tests/acceptance/test_a.py::test_b"], False),
        ((1, -9), ["tests/acceptance/test_a.py::test_b"], False),
    ],
)
def test_only_a_few_of_real_processes_may_try_again(
    statuses: tuple[int, ...], failed: list[str], may: bool, tool: ModuleType
) -> None:
    assert tool.may_try_again(statuses, failed) == may
