"""Given a data folder, when a platform is started on a database elsewhere, then later starts and commands find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.control.layout import DataFolder
from ondol.control.preconditions import choose_database, keep_database
from ondol.model.errors import ConflictError

URL = "postgresql://me:secret@db/ondol"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").make()


def test_a_database_elsewhere_is_remembered_and_private(folder: DataFolder) -> None:
    assert not folder.has_database
    assert choose_database(folder, URL) == URL
    keep_database(folder, URL)
    assert choose_database(folder, "") == folder.database_url == URL
    assert folder.has_database
    assert folder.database_note.stat().st_mode & 0o077 == 0


def test_without_one_it_is_a_file_in_the_folder(folder: DataFolder) -> None:
    keep_database(folder, "")
    assert choose_database(folder, "") == f"sqlite:///{folder.path}/ondol.db"
    assert not folder.has_database


def test_data_in_the_folder_is_not_left_behind(folder: DataFolder) -> None:
    folder.database_file.write_bytes(b"")
    with pytest.raises(ConflictError, match="leave --database out"):
        choose_database(folder, URL)
    assert choose_database(folder, "").startswith("sqlite")
