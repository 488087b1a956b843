"""The platform is found by option, folder and environment, and a token goes to its own address only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from ondol.cli.api import Access, Api, RefusedError
from ondol.cli.config_file import Config, Profile, config_path, read_config, write_config
from ondol.cli.connection import Where, find_access, write_client_file
from ondol.control.layout import DataFolder
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, UnavailableError

FILE_URL, OTHER_URL = "http://127.0.0.1:1111", "http://127.0.0.1:2222"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONDOL_URL", "ONDOL_TOKEN", "ONDOL_DATA", "ONDOL_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONDOL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    write_client_file(made, url=FILE_URL, token="filetoken", email="me@example.org", storage="http://127.0.0.1:3")
    return made


def found(where: Where) -> tuple[str, str]:
    access = find_access(where)
    return access.url, access.token


def keep(name: str, **said: Any) -> None:
    before = read_config()
    write_config(Config(use=before.use or name, platforms={**before.platforms, name: Profile(**said)}))


def test_the_folder_tells_address_and_token_and_is_private(folder: DataFolder) -> None:
    assert found(Where(data=folder.path)) == (FILE_URL, "filetoken")
    assert folder.client_file.stat().st_mode & 0o777 == 0o600


def test_a_named_folder_stands_before_the_environment(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_URL", OTHER_URL)
    monkeypatch.setenv("ONDOL_TOKEN", "envtoken")

    assert found(Where(data=folder.path)) == (FILE_URL, "filetoken")
    assert found(Where()) == (OTHER_URL, "envtoken")


def test_a_token_from_the_folder_goes_to_no_other_address(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_DATA", str(folder.path))

    with pytest.raises(ConflictError, match="No token"):
        find_access(Where(url=OTHER_URL))
    assert found(Where(url=FILE_URL + "/")) == (FILE_URL, "filetoken")


def test_nothing_known_says_what_to_do() -> None:
    with pytest.raises(UnavailableError, match="ondol up"):
        find_access(Where())
    with pytest.raises(InvalidFieldError, match="http://"):
        find_access(Where(url="localhost", token="t"))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, {"message": "No such task: x"}, "No such task: x"),
        (400, {"title": "Bad", "detail": "sink is not allowed"}, "sink is not allowed"),
        (401, {"error": {"message": "Bad authentication token"}}, "token is not valid"),
        (500, None, "500"),
        (503, {"message": "The disk is full"}, "disk is full"),
    ],
)
def test_refusals_are_told_in_the_platforms_words(status: int, body: object, said: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "t"
        return httpx2.Response(status, json=body) if body else httpx2.Response(status, text="<html>")

    with Api(Access(url=FILE_URL, token="t"), transport=httpx2.MockTransport(answer), pause=lambda _: None) as api:
        with pytest.raises(RefusedError, match=said) as caught:
            api.get("/tasks/x")
        assert caught.value.status == status


def test_nobody_at_home_is_said() -> None:
    with Api(Access(url="http://127.0.0.1:1", token="t")) as api, pytest.raises(UnavailableError, match="ondol up"):
        api.get("/settings")


def test_a_kept_platform_counts_behind_the_environment_and_before_the_default_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_client_file(
        DataFolder(tmp_path / "var" / "ondol"), url=FILE_URL, token="filetoken", email="me@example.org", storage=""
    )
    assert found(Where()) == (FILE_URL, "filetoken")
    keep("work", url=OTHER_URL, token="worktoken", email="me@example.org")
    keep("lab", url="https://lab.example.org", token="labtoken", ca_certificate="/lab.pem")

    assert found(Where()) == (OTHER_URL, "worktoken")
    assert found(Where(platform="lab")) == ("https://lab.example.org", "labtoken")
    assert find_access(Where(platform="lab")).verify == "/lab.pem"
    assert find_access(Where(platform="lab", unsafe_ssl=True)).verify is False
    assert found(Where(url=FILE_URL)) == (FILE_URL, "filetoken")
    with pytest.raises(ConflictError, match="No token"):
        find_access(Where(url="http://127.0.0.1:3333"))
    with pytest.raises(NotFoundError, match="known: work, lab"):
        find_access(Where(platform="home"))
    monkeypatch.setenv("ONDOL_PLATFORM", "lab")
    assert found(Where())[1] == "labtoken"
    monkeypatch.setenv("ONDOL_URL", FILE_URL)
    monkeypatch.setenv("ONDOL_TOKEN", "envtoken")
    assert found(Where()) == (FILE_URL, "envtoken")


def test_what_is_kept_is_for_its_owner_and_what_is_spoilt_is_told() -> None:
    keep("work", url=OTHER_URL, token="worktoken")
    assert config_path().stat().st_mode & 0o777 == 0o600
    config_path().write_text("use = [")
    with pytest.raises(UnavailableError, match="correct it"):
        find_access(Where())
