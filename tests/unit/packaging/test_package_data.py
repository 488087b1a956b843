"""What is not Python but belongs to the package is found where the package is installed, and says one version."""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution, entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest

from ondol.policy.registry import load_policy

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("ondol", "py.typed"),
        ("ondol.demo", "fleet.toml"),
        ("ondol.report", "templates/statement.html.j2"),
        ("ondol.signals", "data/ATTRIBUTION.md"),
        ("ondol.signals", "data/carbon_2022_FR.csv.gz"),
        ("ondol.signals", "data/hot_water_200l_10min.csv.gz"),
        ("ondol.signals", "data/mains_H1a.csv.gz"),
        ("ondol.signals", "data/weather_H1a.csv.gz"),
        ("ondol.storage.sql", "migrations/script.py.mako"),
        ("ondol.storage.sql", "migrations/env.py"),
    ],
)
def test_data_is_in_the_package(package: str, name: str) -> None:
    assert (files(package) / name).read_bytes() or name == "py.typed"


def test_the_installed_version_is_the_projects() -> None:
    assert version("ondol") == PROJECT["version"]


def test_the_command_is_installed_and_can_be_loaded() -> None:
    (script,) = entry_points(group="console_scripts", name="ondol")

    assert script.value == PROJECT["scripts"]["ondol"]
    assert callable(script.load())


@pytest.mark.parametrize("name", sorted(PROJECT["entry-points"]["ondol.policies"]))
def test_every_declared_policy_can_be_loaded(name: str) -> None:
    assert callable(load_policy(name).decide)


def test_licence_and_notice_travel_with_the_package() -> None:
    named = {Path(str(path)).name for path in distribution("ondol").files or ()}

    assert {"LICENSE", "NOTICE"} <= named
