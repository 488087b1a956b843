"""Given a data folder that is open to all, when a platform takes it, then nobody else sees what tenants keep in it."""

from __future__ import annotations

import stat
from pathlib import Path

from ondol.control.layout import DataFolder
from ondol.control.preconditions import lock_folder
from ondol.storage.sql.store import SqlStore


def test_what_holds_tenants_data_is_closed_and_the_folder_itself_left_alone(tmp_path: Path) -> None:
    # given a folder that somebody made, with an open database and open folders of an earlier version
    folder = DataFolder(tmp_path / "data")
    folder.path.mkdir(mode=0o755)
    folder.path.chmod(0o755)
    folder.jobs_dir.mkdir()
    folder.jobs_dir.chmod(0o755)
    folder.log_file.touch()
    folder.log_file.chmod(0o644)
    # when a platform takes it and opens its database
    lock = lock_folder(folder)
    store = SqlStore(folder.database_url)
    # then
    try:
        kept = [path for path in folder.path.iterdir() if path != folder.lock_file]
        assert {folder.jobs_dir, folder.engine_dir, folder.database_file, folder.log_file} <= set(kept)
        assert [path.name for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o755
    finally:
        store.close()
        lock.close()
