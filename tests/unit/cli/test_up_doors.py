"""Given where a platform listens and what an earlier one left, then addresses work and torn files do no harm."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from fastapi.testclient import TestClient

from ondol.cli.up import noted_token
from ondol.control.layout import DataFolder
from ondol.control.ports import Desk
from ondol.control.preconditions import FASTEST_CLOCK
from ondol.control.settings import Settings
from ondol.demo.fleet import demo_fleet
from ondol.demo.run import client_environment, run_demo
from ondol.model.errors import InvalidFieldError
from ondol.server.app import create_api
from ondol.server.serve import bind, url_of


@pytest.mark.parametrize("port", [-1, 65_536, 10**6])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(InvalidFieldError, match="0 to 65535"):
        bind("127.0.0.1", port)


def test_all_addresses_are_announced_as_one_that_works_here() -> None:
    listener = bind("0.0.0.0", 0, allow_remote=True)  # noqa: S104 - what is tested
    with listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("host", "storage"),
    [
        ("heat.example.org:8080", "http://heat.example.org:9000"),
        ("10.0.0.7", "http://10.0.0.7:9000"),
        ("[fd00::7]:8080", "http://[fd00::7]:9000"),
        ("evil/path:1", "http://127.0.0.1:9000"),
        ("[::", "http://127.0.0.1:9000"),
    ],
)
def test_storage_is_told_by_the_host_that_the_client_used(host: str, storage: str) -> None:
    app = create_api(cast("Desk", None), storage_url="http://127.0.0.1:9000", storage_anywhere=True)
    assert TestClient(app).get("/settings", headers={"host": host}).json() == {"storage": storage}


def test_storage_on_one_address_is_told_as_it_is() -> None:
    app = create_api(cast("Desk", None), storage_url="http://127.0.0.1:9000")
    assert TestClient(app).get("/settings", headers={"host": "other:1"}).json() == {"storage": "http://127.0.0.1:9000"}


@pytest.mark.parametrize("torn", [b"", b'{"url": "http', b"[]", b"{}", b"7", b"\xff\xfe\x00"])
def test_a_torn_client_file_is_as_good_as_none(tmp_path: Path, torn: bytes) -> None:
    folder = DataFolder(tmp_path)
    assert noted_token(folder) == ""
    folder.client_file.write_bytes(torn)
    assert noted_token(folder) == ""


@pytest.mark.parametrize("rate", [0.0, FASTEST_CLOCK + 1.0, float("nan"), float("inf")])
def test_a_clock_too_fast_for_the_agents_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(InvalidFieldError, match="platform seconds per wall second"):
        Settings(data=tmp_path, fleet=demo_fleet(), clock_rate=rate)
    with pytest.raises(InvalidFieldError, match="platform seconds per wall second"):
        run_demo(tmp_path / "out", "follow", rate, keep=False, data=None, plain=True)


def test_the_demonstrations_client_has_its_token_from_its_surroundings_only() -> None:
    ours = {"PATH": "/bin", "QARNOT_STORAGE_URL": "http://elsewhere", "QARNOT_CLIENT_TOKEN": "mine"}
    assert client_environment(ours, "theirs") == {"PATH": "/bin", "QARNOT_CLIENT_TOKEN": "theirs"}
