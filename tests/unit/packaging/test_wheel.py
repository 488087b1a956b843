"""The wheel: it builds with what is installed, carries every file of the package, and works from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 60.0


def call(*arguments: str, cwd: Path, **environment: str) -> str:
    """Run this Python with these arguments; its output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("ondol-*.whl")
    return built


def test_every_file_of_the_package_is_in_it_and_nothing_else(wheel: Path) -> None:
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in (source / "ondol").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".nbi", ".nbc"}
    }

    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())

    assert {name for name in held if not name.partition("/")[0].endswith(".dist-info")} == wanted
    assert {name.rpartition("/")[2] for name in held - wanted} >= {"METADATA", "entry_points.txt", "LICENSE", "NOTICE"}


def test_unpacked_elsewhere_it_finds_its_own_data(wheel: Path, tmp_path: Path) -> None:
    # given: a wheel is a zip file whose content is laid out as it gets installed (PEP 427)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)

    # when
    told = call(
        "-c",
        "import ondol; from ondol.signals import Weather, attributions; Weather.load('H1a'); attributions()\n"
        "print(ondol.__file__)",
        cwd=tmp_path,
        PYTHONPATH=str(tmp_path),
    )

    # then
    assert Path(told.strip()) == tmp_path / "ondol" / "__init__.py"
