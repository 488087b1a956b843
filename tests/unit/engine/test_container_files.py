"""Given the tree and configuration of an image, when a container is made of them, then nothing of the host is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.engine.images.login import Login, Private, auth_file, forget_auth_files
from ondol.engine.images.reference import parse
from ondol.engine.local.oci_spec import Bind, specification
from ondol.engine.local.oci_user import User, resolve
from ondol.engine.local.seccomp import seccomp
from ondol.model.errors import InvalidFieldError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:10:20::/home/app:/bin/sh\nbad\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\nstaff:x:50:app,other\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(0, 0, (), "/root")),
        ("root", User(0, 0, (), "/root")),
        ("app", User(10, 20, (50,), "/home/app")),
        ("10", User(10, 20, (50,), "/home/app")),
        ("app:staff", User(10, 50, (), "/home/app")),
        ("app:7", User(10, 7, (), "/home/app")),
        ("999", User(999, 0, (), "/")),
        ("999:50", User(999, 50, (), "/")),
    ],
)
def test_users_are_resolved_as_docker_does(tree: Path, text: str, user: User) -> None:
    assert resolve(tree, text) == user


@pytest.mark.parametrize("text", ["nobody-here", "app:nogroup", "-1", "4294967295", "a:b:c"])
def test_users_that_the_image_does_not_know_are_refused(tree: Path, text: str) -> None:
    with pytest.raises(InvalidFieldError, match="user of the image"):
        resolve(tree, text)


@pytest.mark.parametrize("name", ["etc", "etc/passwd"])
def test_a_link_in_the_image_never_leads_to_the_hosts_users(tmp_path: Path, name: str) -> None:
    if name == "etc/passwd":
        (tmp_path / "etc").mkdir()
    (tmp_path / name).symlink_to(f"/{name}")
    with pytest.raises(InvalidFieldError):
        resolve(tmp_path, "daemon")


def test_the_specification_gives_no_right_and_denies_what_leads_out() -> None:
    binds = [Bind(Path("/data/job"), "/job"), Bind(Path("/x"), "/etc/hosts", read_only=True)]
    spec = specification(
        argv=["true"], environment={"A": "b=c"}, user=User(1, 2, (3,)), work_dir="/job", binds=binds, read_only=True,
        cgroup="/ondol-x/a", shared_memory_bytes=5,
    )  # fmt: skip
    process, linux = spec["process"], spec["linux"]
    assert process["capabilities"] == {kind: [] for kind in process["capabilities"]}
    assert set(process["capabilities"]) == {"bounding", "effective", "inheritable", "permitted", "ambient"}
    assert process["noNewPrivileges"] is True
    assert process["env"] == ["A=b=c"]
    assert {row["type"] for row in linux["namespaces"]} >= {"pid", "ipc", "uts", "mount", "network"}
    assert linux["resources"]["devices"][0] == {"allow": False, "access": "rwm"}
    assert spec["root"]["readonly"] is True
    options = {row["destination"]: row["options"] for row in spec["mounts"]}
    assert "ro" in options["/etc/hosts"]
    assert "rw" in options["/job"]
    assert {"nosuid", "nodev"} <= set(options["/job"])


def test_the_filter_denies_namespaces_and_kernel_changes() -> None:
    filtered = seccomp()
    if filtered is None:
        pytest.skip("containers cannot run here: no system call filter for this processor or kernel")
    names = {name for row in filtered["syscalls"] for name in row["names"]}
    assert {"mount", "unshare", "setns", "bpf", "keyctl", "kexec_load", "init_module", "open_by_handle_at"} <= names
    flags = [row["args"][0]["value"] for row in filtered["syscalls"] if row["names"] == ["clone"]]
    assert 0x10000000 in flags


def test_a_login_goes_through_a_file_that_only_we_can_read_and_that_goes_again(tmp_path: Path) -> None:
    with auth_file(parse("owner/private"), Login("me", "word-991"), tmp_path) as path:
        assert path.parent == tmp_path
        assert path.stat().st_mode & 0o077 == 0
        assert "docker.io" in path.read_text()
        assert "word-991" not in path.read_text()
    assert not path.exists()
    assert "word-991" not in repr(Login("me", "word-991"))
    with auth_file(parse("x"), None, tmp_path) as path:
        assert path is None


def test_a_login_that_a_kill_left_goes_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "private.json").write_text("{}")
    with auth_file(parse("owner/private"), Login("me", "word-991"), tmp_path) as path:
        forget_auth_files(tmp_path)
        assert not path.exists()
    assert (tmp_path / "private.json").exists()


def test_an_image_that_is_coming_for_one_is_nobody_elses(tmp_path: Path) -> None:
    """Given a login's image under way, when the process is killed, then the next knows it to be unclaimed."""
    mine, other = Login("me", "a"), Login("you", "b")
    Private(tmp_path).coming("docker.io/owner/private:latest", mine)
    private = Private(tmp_path)
    names = ("docker.io/owner/private:latest",)
    assert [private.may("fresh", login, names) for login in (mine, other, None)] == [True, False, False]
    assert private.unclaimed() == names
    private.came("fresh", mine, was_here=False)
    private.arrived(names[0], mine)
    assert private.unclaimed() == ()
    assert [private.may("fresh", login, names) for login in (mine, other, None)] == [True, False, False]


def test_many_images_that_come_at_once_are_all_noted(tmp_path: Path) -> None:
    private, mine = Private(tmp_path), Login("me", "a")

    def bring(number: int) -> None:
        private.coming(f"n{number}", mine)
        private.came(f"i{number}", mine, was_here=False)
        private.arrived(f"n{number}", mine)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, range(40)))
    again = Private(tmp_path)
    assert again.unclaimed() == ()
    assert not any(again.may(f"i{number}", None) for number in range(40))


def test_who_did_not_bring_the_login_may_not_use_the_image(tmp_path: Path) -> None:
    mine, other = Login("me", "a"), Login("you", "b")
    private = Private(tmp_path)
    private.came("image-1", mine, was_here=False)
    private.came("image-2", None, was_here=False)
    private.came("image-3", mine, was_here=True)
    private = Private(tmp_path)
    assert [private.may("image-1", login) for login in (mine, other, None)] == [True, False, False]
    assert [private.may("image-2", login) for login in (mine, other, None)] == [True, True, True]
    assert private.may("image-3", None)
    private.came("image-1", other, was_here=True)
    assert [private.may("image-1", login) for login in (mine, other, None)] == [True, True, False]
    private.came("image-1", None, was_here=True)
    assert private.may("image-1", None)
    assert "me" not in (tmp_path / "private.json").read_text()
