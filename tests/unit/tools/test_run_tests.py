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
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\n")
    for room in ("acceptance", "integration", "unit"):
        write(tmp_path, room, PASSES)
    return module


def write(root: Path, room: str, text: str, name: str = "test_a.py") -> None:
    file = root / "tests" / room / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_all_that_passes_is_run_once(tool: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert tool.main() == 0
    assert capfd.readouterr().out.count("1 passed") == 1
    assert tool.main() == 0


@pytest.mark.parametrize("room", ["acceptance", "integration"])
def test_a_test_of_real_processes_that_fails_once_is_named_and_passes(
    room: str, tool: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, room, FAILS_ONCE)
    assert tool.main() == 0
    assert f"to be looked at:\n  tests/{room}/test_a.py::test_it" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("room", "text", "tried_again"),
    [
        ("acceptance", FAILS, True),
        ("integration", FAILS, True),
        ("unit", FAILS_ONCE, False),
        ("acceptance", "import nothing_of_that_name\n", False),
    ],
    ids=["acceptance", "integration", "unit", "unreadable"],
)
def test_what_fails_twice_or_is_no_matter_of_time_fails(
    room: str, text: str, tried_again: bool, tool: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, room, text)
    assert tool.main() == 1
    out = capfd.readouterr().out
    assert ("once more, alone" in out) == tried_again
    assert "to be looked at" not in out


def test_many_failures_are_no_accident(tool: ModuleType, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path, "acceptance", FAILS_ONCE, f"test_{number}.py")
    assert tool.main() == 1
    for been in (tmp_path / "tests" / "acceptance").glob("*.been"):
        been.unlink()
    (tmp_path / "tests" / "acceptance" / "test_3.py").unlink()
    assert tool.main() == 0
