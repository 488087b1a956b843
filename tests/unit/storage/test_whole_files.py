"""What is written takes the place of what was there at once, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.storage.whole_files import create_whole, replaced_by, write_private, write_whole

NOBODY = 65534


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
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_two_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    file, texts = tmp_path / "clock", (b"a" * 300_000, b"b" * 300_000)

    def writing(text: bytes) -> set[bytes]:
        seen = set()
        for _ in range(100):
            write_whole(file, text)
            seen.add(file.read_bytes())
        return seen

    with ThreadPoolExecutor(2) as threads:
        assert set.union(*threads.map(writing, texts)) <= set(texts)
    assert [one.name for one in tmp_path.iterdir()] == ["clock"]


def test_of_many_that_begin_a_file_one_does(tmp_path: Path) -> None:
    for turn in range(20):
        file = tmp_path / f"{turn}"
        with ThreadPoolExecutor(4) as threads:
            began = list(threads.map(lambda who, file=file: create_whole(file, b"%d" % who), range(4)))  # type: ignore[misc]
        assert began.count(True) == 1
        assert file.read_bytes() == b"%d" % began.index(True)
    assert len(list(tmp_path.iterdir())) == 20


def test_a_link_and_the_rights_of_a_file_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "secret.toml", tmp_path / "link"
    file.write_bytes(b"old")
    file.chmod(0o600)
    link.symlink_to(file)
    with replaced_by(file) as partial:
        assert partial.stat().st_mode & 0o777 == 0o600, "nor may others read it meanwhile"
        partial.write_bytes(b"newer")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_private_is_so_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    file.chmod(0o644)
    write_private(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_into_a_pipe_is_written_directly(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10.0)
    assert got == [b"through"]


def test_root_writes_another_users_file_and_it_stays_theirs(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_bytes(b"old")
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()  # only root may give files away
    os.chown(file, owner, -1)
    write_whole(file, b"new")
    assert (file.stat().st_uid, file.read_bytes()) == (owner, b"new")


def test_what_can_be_written_and_not_replaced_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of another user, a file that alone is mounted: as root neither can be had without a mount."""
    file = tmp_path / "fleet.toml"
    file.write_bytes(b"old")

    def busy(_self: Path, _target: Path) -> Path:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["fleet.toml"]
    with pytest.raises(OSError, match="busy"):
        write_whole(tmp_path / "other", b"new")


def test_what_is_said_after_a_file_that_went_to_the_output_is_not_lost(tmp_path: Path) -> None:
    code = (
        "import pathlib; from ondol.storage.whole_files import write_whole; "
        "write_whole(pathlib.Path('/dev/stdout'), b'content\\n'); print('after')"
    )
    with (tmp_path / "out").open("ab") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, timeout=30)
    assert (tmp_path / "out").read_text() == "content\nafter\n"
