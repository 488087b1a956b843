"""Every verb of `ondol bucket`, in both grammars, against a real object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.cli.cli_platform import ondol, ondol_json


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b ü.txt").write_text("bb")
    return folder


def keys(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    return [row["key"] for row in ondol_json(capsys, "bucket", "list", *options)]


def test_files_go_and_come_by_the_names_of_the_other_cli(
    capsys: pytest.CaptureFixture[str], tree: Path, tmp_path: Path
) -> None:
    ondol(capsys, "bucket", "create", "--name", "trees", "--files", "tree/a.txt", "--folder", "tree/sub")
    assert keys(capsys, "--name", "trees") == ["a.txt", "b ü.txt"]
    ondol(capsys, "bucket", "put", "--name", "trees", "--local-folder", "tree", "--bucket-path", "/far")
    ondol(capsys, "bucket", "put", "-n", "trees", "-f", "tree/a.txt", "-b", "near/")
    ondol(capsys, "bucket", "put", "-n", "trees", "--string", "-hello", "--bucket-path", "./notes/x.txt")
    assert keys(capsys, "--name", "trees", "--folder", "far/") == ["far/a.txt", "far/sub/b ü.txt"]
    ondol(capsys, "bucket", "get", "-n", "trees", "--bucket-folder", "far", "--local-path", "out")
    assert (tmp_path / "out" / "far" / "sub" / "b ü.txt").read_text() == "bb"
    ondol(capsys, "bucket", "get", "-n", "trees", "-l", "picked", "--bucket-file", "near/a.txt", "a.txt")
    assert sorted(path.name for path in (tmp_path / "picked").iterdir()) == ["a.txt", "near"]
    ondol(capsys, "bucket", "get", "-n", "trees", "-b", "nowhere", code=1)

    ondol(capsys, "bucket", "delete", "-n", "trees", "far/", "a.txt", "--yes")
    assert keys(capsys, "trees") == ["b ü.txt", "near/a.txt", "notes/x.txt"]
    ondol(capsys, "bucket", "delete", "-n", "trees", "nothing", code=1)
    assert set(ondol(capsys, "bucket", "list", "-q").split()) >= {"trees"}
    ondol(capsys, "bucket", "delete", "trees", "--force")


def test_an_object_is_printed_as_it_is(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    from ondol.cli.main import run

    (tmp_path / "raw").write_bytes(b"\x00\xff\n")
    assert run(["bucket", "create", "prints"]) == 0
    assert run(["bucket", "put", "prints", "raw"]) == 0
    capfdbinary.readouterr()
    assert run(["bucket", "get", "-n", "prints", "--string", "/raw"]) == 0
    assert run(["bucket", "get", "prints", "raw", "--to", "-"]) == 0
    assert capfdbinary.readouterr().out == b"\x00\xff\n\x00\xff\n"


def test_sides_are_made_alike(capsys: pytest.CaptureFixture[str], tree: Path, tmp_path: Path) -> None:
    ondol(capsys, "bucket", "create", "mirror")
    to = ("bucket", "sync-to", "--name", "mirror", "--local-path", "tree")
    assert ondol_json(capsys, *to) == {"sent": 2, "removed": 0, "same": 0}
    (tree / "a.txt").unlink()
    assert ondol_json(capsys, *to, "--no-delete") == {"sent": 0, "removed": 0, "same": 1}
    assert ondol_json(capsys, *to) == {"sent": 0, "removed": 1, "same": 1}
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("mine")
    back = ("bucket", "sync-from", "-n", "mirror", "-l", "copy", "-b", "sub")
    assert ondol_json(capsys, *back, "--no-delete") == {"fetched": 1, "removed": 0, "same": 0}
    assert ondol_json(capsys, *back, "--delete") == {"fetched": 0, "removed": 1, "same": 1}
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["b ü.txt"]
    ondol(capsys, "bucket", "sync-to", "nowhere", "mirror", code=1)


def test_many_files_go_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(25):
        (tmp_path / "many" / f"{number:02d}").write_text(str(number))
    ondol(capsys, "bucket", "create", "many", "--folder", "many")
    ondol(capsys, "bucket", "get", "many", "--to", "back")
    assert sorted(path.read_text() for path in (tmp_path / "back").iterdir()) == sorted(map(str, range(25)))
