"""One platform for all tests of the client commands, and a home of their own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli.cli_platform import FLEET
from ondol.cli.up import Serving
from ondol.control.settings import Settings
from ondol.storage.fleet_file import load_fleet


@pytest.fixture(scope="package")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = tmp_path_factory.mktemp("platform")
    with Serving(Settings(data=data, fleet=load_fleet(FLEET, "test"), clock_rate=60.0)) as up:
        up.owner_token()
        yield up


@pytest.fixture(autouse=True)
def _at_home(serving: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONDOL_URL", "ONDOL_TOKEN", "ONDOL_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONDOL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("ONDOL_DATA", str(serving.platform.folder.path))
    monkeypatch.chdir(tmp_path)
