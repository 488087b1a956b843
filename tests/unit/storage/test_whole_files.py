"""What is written takes the place of what was there at once, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ondol.storage.whole_files import replaced_by, write_whole


def test_a_reader_finds_the_old_text_or_the_new_one_never_a_part(tmp_path: Path) -> None:
    # given two long texts that are written in turn
    file, texts = tmp_path / "fleet.toml", (b"a" * 3_000_000, b"b" * 3_000_000)
    write_whole(file, texts[0])
    done = threading.Event()

    def writing() -> None:
        for turn in range(40):
            write_whole(file, texts[turn % 2])
        done.set()

    # when somebody reads meanwhile
    writer = threading.Thread(target=writing)
    writer.start()
    seen = {file.read_bytes() for _ in iter(done.is_set, True)}
    writer.join()

    # then only whole texts were there
    assert seen <= set(texts)
    assert seen


def test_where_writing_fails_the_old_text_stays(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    write_whole(file, b"old")

    def torn() -> None:
        with replaced_by(file) as partial:
            partial.write_bytes(b"ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk"):
        torn()
    assert file.read_bytes() == b"old"


def test_a_link_and_the_rights_of_a_file_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "secret.toml", tmp_path / "link"
    file.write_bytes(b"old")
    file.chmod(0o600)
    link.symlink_to(file)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_into_a_pipe_is_written_directly(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10.0)
    assert got == [b"through"]
