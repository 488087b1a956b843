"""The platform is found by option, folder and environment, and a token goes to its own address only."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from ondol.cli.connection import Access, Api, RefusedError, Where, find_access, write_client_file
from ondol.control.layout import DataFolder
from ondol.model.errors import ConflictError, InvalidFieldError, UnavailableError

FILE_URL, OTHER_URL = "http://127.0.0.1:1111", "http://127.0.0.1:2222"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ONDOL_URL", "ONDOL_TOKEN", "ONDOL_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    write_client_file(made, url=FILE_URL, token="filetoken", email="me@example.org", storage="http://127.0.0.1:3")
    return made


def test_the_folder_tells_address_and_token_and_is_private(folder: DataFolder) -> None:
    assert find_access(Where(data=folder.path)) == Access(FILE_URL, "filetoken")
    assert folder.client_file.stat().st_mode & 0o777 == 0o600


def test_a_named_folder_stands_before_the_environment(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_URL", OTHER_URL)
    monkeypatch.setenv("ONDOL_TOKEN", "envtoken")

    assert find_access(Where(data=folder.path)) == Access(FILE_URL, "filetoken")
    assert find_access(Where()) == Access(OTHER_URL, "envtoken")


def test_a_token_from_the_folder_goes_to_no_other_address(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_DATA", str(folder.path))

    with pytest.raises(ConflictError, match="No token"):
        find_access(Where(url=OTHER_URL))
    assert find_access(Where(url=FILE_URL + "/")) == Access(FILE_URL, "filetoken")


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
    ],
)
def test_refusals_are_told_in_the_platforms_words(status: int, body: object, said: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "t"
        return httpx2.Response(status, json=body) if body else httpx2.Response(status, text="<html>")

    with Api(Access(FILE_URL, "t"), transport=httpx2.MockTransport(answer)) as api:
        with pytest.raises(RefusedError, match=said) as caught:
            api.get("/tasks/x")
        assert caught.value.status == status


def test_nobody_at_home_is_said() -> None:
    with Api(Access("http://127.0.0.1:1", "t")) as api, pytest.raises(UnavailableError, match="ondol up"):
        api.get("/settings")
