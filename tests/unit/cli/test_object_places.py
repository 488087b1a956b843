"""Keys become files inside of the folder only, and files know their ETag beforehand."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest

from ondol.cli.objects import PART, file_etag, files_below, place_of
from ondol.model.errors import InvalidFieldError, NotFoundError

md5 = partial(hashlib.md5, usedforsecurity=False)


def test_keys_become_paths_below_the_folder(tmp_path: Path) -> None:
    assert place_of(tmp_path, "a/b.txt") == tmp_path / "a" / "b.txt"


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "", "a\0b"])
def test_keys_that_lead_out_are_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidFieldError):
        place_of(tmp_path, key)


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)

    with pytest.raises(InvalidFieldError, match="link"):
        place_of(folder, "link/x")


def test_etags_are_those_of_s3(tmp_path: Path) -> None:
    small, whole = tmp_path / "small", tmp_path / "whole"
    small.write_bytes(b"hello")
    whole.write_bytes(b"x" * PART)

    assert file_etag(small) == "5d41402abc4b2a76b9719d911017c592"
    assert file_etag(whole) == f"{md5(md5(b'x' * PART).digest()).hexdigest()}-1"


def test_files_below_are_named_with_slashes(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()

    assert [name for name, _ in files_below(tmp_path)] == ["d/f"]
    with pytest.raises(NotFoundError):
        list(files_below(tmp_path / "nowhere"))
