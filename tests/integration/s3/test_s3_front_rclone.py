"""rclone, a client in another language, against the front: sync both ways, parts, copies, links, purge, two tenants."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

Rclone = Callable[..., str]
PROGRAM = Path(sys.executable).with_name("rclone")


@pytest.fixture
def rclone(front: str, directory: Any, tmp_path: Path) -> Callable[[str], Rclone]:
    """Give somebody's rclone; the remote is ``s3:``."""

    def of(email: str) -> Rclone:
        environment = {
            "PATH": os.defpath,
            "HOME": str(tmp_path),
            "RCLONE_CONFIG": str(tmp_path / "rclone.conf"),
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Other",
            "RCLONE_CONFIG_S3_ACCESS_KEY_ID": email,
            "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": directory.secrets[email],
            "RCLONE_CONFIG_S3_ENDPOINT": front,
            "RCLONE_CONFIG_S3_REGION": "default",
            "RCLONE_S3_CHUNK_SIZE": "5Mi",
            "RCLONE_S3_UPLOAD_CUTOFF": "6Mi",
            "RCLONE_RETRIES": "1",
            "RCLONE_LOW_LEVEL_RETRIES": "1",
        }

        def run(*arguments: str, fails: bool = False) -> str:
            done = subprocess.run(
                [str(PROGRAM), *arguments], env=environment, capture_output=True, text=True, timeout=90, check=False
            )
            assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
            return done.stderr if fails else done.stdout

        return run

    return of


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_rclone_syncs_copies_links_and_purges(rclone: Callable[[str], Rclone], tmp_path: Path) -> None:
    run = rclone("alice@example.org")
    bucket = f"rc-{secrets.token_hex(4)}"
    local = tmp_path / "local"
    (local / "sub dir" / "été").mkdir(parents=True)
    (local / "a.txt").write_text("a")
    (local / "empty").write_bytes(b"")
    (local / "sub dir" / "été" / "b+%&.bin").write_bytes(os.urandom(1000))
    (local / "large.bin").write_bytes(os.urandom(17 << 20))
    (local / ("n" * 200)).write_text("long")

    run("mkdir", f"s3:{bucket}")
    run("mkdir", f"s3:{bucket}")
    run("sync", str(local), f"s3:{bucket}/in")
    run("check", "--one-way", str(local), f"s3:{bucket}/in")
    assert "There was nothing to transfer" in run("sync", "-v", "--log-file=/dev/stdout", str(local), f"s3:{bucket}/in")
    assert set(run("lsf", "-R", "--files-only", f"s3:{bucket}/in").splitlines()) == set(tree(local))
    assert run("lsf", f"s3:{bucket}/in").splitlines() == sorted(
        [*(e.name for e in local.iterdir() if e.is_file()), "sub dir/"]
    )
    run("sync", f"s3:{bucket}/in", f"s3:{bucket}/copy")  # copied where it lies, in parts where it is large
    run("sync", f"s3:{bucket}/copy", str(tmp_path / "back"))
    assert tree(tmp_path / "back") == tree(local)
    assert run("cat", "--offset", "1", "--count", "2", f"s3:{bucket}/in/{'n' * 200}") == "on"

    link = run("link", "--expire", "60s", f"s3:{bucket}/in/sub dir/été/b+%&.bin").strip()
    assert httpx2.get(link, trust_env=False).content == (local / "sub dir" / "été" / "b+%&.bin").read_bytes()
    run("moveto", f"s3:{bucket}/in/a.txt", f"s3:{bucket}/in/moved.txt")
    (local / "a.txt").unlink()
    (local / "moved.txt").write_text("a")
    run("check", str(local), f"s3:{bucket}/in")
    run("touch", f"s3:{bucket}/touched")
    assert f'"count":{len(tree(local)) * 2 + 1}' in run("size", "--json", f"s3:{bucket}")
    run("backend", "cleanup", f"s3:{bucket}")
    run("purge", f"s3:{bucket}")
    assert bucket not in run("lsd", "s3:")


def test_two_tenants_of_one_name(rclone: Callable[[str], Rclone], tmp_path: Path) -> None:
    for email in ("alice@example.org", "bob@example.org"):
        source = tmp_path / email
        source.mkdir()
        (source / "who").write_text(email)
        rclone(email)("sync", str(source), "s3:tenants-input")
    for email in ("alice@example.org", "bob@example.org"):
        assert rclone(email)("cat", "s3:tenants-input/who") == email
        assert rclone(email)("lsf", "-R", "s3:tenants-input").split() == ["who"]
    rclone("bob@example.org")("mkdir", "s3:only-bobs")
    assert "directory not found" in rclone("alice@example.org")("lsf", "s3:only-bobs", fails=True)
    for email in ("alice@example.org", "bob@example.org"):
        rclone(email)("purge", "s3:tenants-input")
    rclone("bob@example.org")("purge", "s3:only-bobs")
