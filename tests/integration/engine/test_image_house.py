"""Given a store of images, when attempts want some, then each is ready once, kept in bounds, or refused in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import image_trees
from ondol.engine.images.house import ImageHouse, Wish
from ondol.engine.images.image import Image
from ondol.engine.images.login import Login, Private
from ondol.engine.images.podman import Podman, find_podman
from ondol.engine.images.reference import parse
from ondol.engine.local.containers import find_containers
from ondol.model.errors import ConflictError, NotFoundError, OndolError

NOWHERE = "registry.invalid/owner/thing"  # RFC 2606: no such host, anywhere
WRAPPER = """#!/bin/sh
# podman, with a word for every verb, and slow where it exports
for word; do case "$word" in pull|export|inspect|create|rmi) echo "$word" >> '{log}';; esac; done
case " $* " in *" export "*) [ ! -e '{slow}' ] || sleep 600;; esac
exec podman "$@"
"""
HOLDER = """
import sys, time
from pathlib import Path
from ondol.engine.images.house import ImageHouse, Wish
from ondol.engine.images.login import Login, Private
from ondol.engine.images.podman import Podman
from ondol.engine.images.reference import parse
folder, store, program = map(Path, sys.argv[1:])
house = ImageHouse(folder, Podman(store_root=store, program=str(program)))
house.prepare(Wish(parse("ubuntu")), "a", lambda *_: None)
time.sleep(600)
"""


class Said:
    """What podman was asked, and whether its export is slow."""

    def __init__(self, folder: Path) -> None:
        self.log, self.slow, self.program = folder / "log", folder / "slow", folder / "podman"
        self.program.write_text(WRAPPER.format(log=self.log, slow=self.slow))
        self.program.chmod(0o755)

    def count(self, verb: str) -> int:
        return self.log.read_text().split().count(verb) if self.log.exists() else 0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not find_podman()[0] or os.geteuid() != 0:
        pytest.skip("containers cannot run here: no podman, or no root")
    folder = tmp_path_factory.mktemp("store")
    trees = tmp_path_factory.mktemp("trees")
    podman = Podman(store_root=folder)
    for name, changes in (
        ("docker.io/library/ubuntu:latest", ('ENTRYPOINT ["sh","-c"]', 'CMD ["echo hi"]', "ENV A=b=c", "USER app")),
        ("mine", ()),
        ("docker.io/owner/other:1.0", ()),
    ):
        tree = image_trees.busybox_tree(trees / f"{len(list(trees.iterdir()))}")
        (tree / "name").write_text(name)
        image_trees.image(podman, tree, name, *changes)
    yield folder
    image_trees.forget_store(folder)


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path)


@pytest.fixture
def make(tmp_path: Path, store: Path, said: Said) -> Iterator[Callable[..., ImageHouse]]:
    made = []

    def house(live: tuple[str, ...] = (), **more: object) -> ImageHouse:
        podman = Podman(store_root=store, program=str(said.program))
        made.append(ImageHouse(tmp_path / "images", podman, **more))  # type: ignore[arg-type]
        made[-1].begin(live)
        return made[-1]

    yield house
    for each in made:
        each.close()


def ready(house: ImageHouse, name: str, pin: str, *, stand_in: bool = False) -> Image | None:
    """Wait for an image; raises the error that it was refused with."""
    done, told = threading.Event(), []
    house.prepare(
        Wish(parse(name), stand_in=stand_in), pin, lambda image, error: (told.append((image, error)), done.set())
    )
    assert done.wait(60.0)
    image, error = told[0]
    if error is not None:
        raise error
    return image


def test_an_image_is_unpacked_once_for_all_who_want_it(make: Callable[..., ImageHouse], said: Said) -> None:
    house, done = make(), threading.Barrier(21)
    for number in range(20):
        house.prepare(
            Wish(parse("ubuntu")), f"a{number}", lambda image, error: threading.Thread(target=done.wait).start()
        )
    done.wait(60.0)
    image = house.pinned("a7")
    assert image is not None
    assert (image.rootfs / "name").read_text() == "docker.io/library/ubuntu:latest"
    assert (image.config.entrypoint, image.config.command) == (("sh", "-c"), ("echo hi",))
    assert (image.config.environment["A"], image.config.user) == ("b=c", "app")
    assert (image.rootfs / "home" / "app").is_dir()
    assert said.count("create") == said.count("export") == 1
    assert said.count("inspect") <= 3
    assert said.count("pull") == 0


@pytest.mark.parametrize(
    "name", ["mine", "library/mine", "owner/other:1.0", "docker.io/owner/other:1.0", "localhost/mine"]
)
def test_images_of_the_operator_are_found_by_any_of_their_names(make: Callable[..., ImageHouse], name: str) -> None:
    image = ready(make(), name, "a")
    assert image is not None
    assert not image.pulled


def test_a_pull_that_fails_is_told_in_words_and_not_repeated(make: Callable[..., ImageHouse], said: Said) -> None:
    house = make()
    for number in range(5):
        with pytest.raises(
            OndolError, match=r"registry\.invalid/owner/thing:latest is not on this machine.*image import"
        ):
            ready(house, NOWHERE, f"a{number}")
    assert said.count("pull") == 1
    with pytest.raises(NotFoundError):
        house.pinned("a0")


@pytest.mark.parametrize("name", ["localhost/thing", "127.0.0.1:5000/thing", "169.254.169.254/thing", "[::1]:1/thing"])
def test_services_of_this_machine_are_never_asked(make: Callable[..., ImageHouse], said: Said, name: str) -> None:
    with pytest.raises(OndolError):
        ready(make(), name, "a")
    assert said.count("pull") == 0


def test_the_hosts_tree_stands_in_for_general_images_only_where_it_may(
    make: Callable[..., ImageHouse], said: Said, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    house = make()
    for number in range(3):
        assert ready(house, "debian:12", f"a{number}", stand_in=True) is None
    assert house.pinned("a1") is None
    assert [record.getMessage().split(" is in")[0] for record in caplog.records] == ["the image debian:12"]
    assert said.count("pull") == 1
    with pytest.raises(OndolError, match="no registry could be reached"):
        ready(house, "debian:12", "b")
    with pytest.raises(OndolError, match="no registry could be reached"):
        ready(make(host_images=False), "debian:12", "c", stand_in=True)


def test_the_least_lately_used_tree_goes_and_what_is_in_use_stays(
    make: Callable[..., ImageHouse], tmp_path: Path
) -> None:
    house = make(limit_bytes=5 << 20)  # of trees of about 2 MiB each
    first = ready(house, "ubuntu", "a")
    second = ready(house, "mine", "b")
    house.release("a")
    third = ready(house, "owner/other:1.0", "c")
    trees = tmp_path / "images" / "trees"
    wait_until(lambda: sorted(path.name for path in trees.iterdir()) == sorted([second.id, third.id]))
    with pytest.raises(NotFoundError):
        house.pinned("a")
    again = ready(house, "ubuntu", "d")
    assert again is not None
    assert again.id == first.id
    assert {path.name for path in trees.iterdir() if not path.name.startswith(".")} == {first.id, second.id, third.id}
    with house._trees.locked(), pytest.raises(ConflictError, match="in use"):
        house._trees.remove(first.id)


def test_an_image_larger_than_the_cache_is_refused(make: Callable[..., ImageHouse]) -> None:
    with pytest.raises(OndolError, match=r"ubuntu:latest cannot be unpacked: It needs 0\.0 GB.*--image-cache"):
        ready(make(limit_bytes=1 << 20), "ubuntu", "a")


def test_pins_outlive_a_restart_and_those_of_attempts_that_are_over_do_not(make: Callable[..., ImageHouse]) -> None:
    house = make()
    for pin in ("kept", "over"):
        ready(house, "mine", pin)
    house.close()
    house = make(("kept",))
    assert house.pinned("kept") is not None
    with pytest.raises(NotFoundError):
        house.pinned("over")


def test_kill_9_while_unpacking_leaves_nothing_that_matters(
    make: Callable[..., ImageHouse], tmp_path: Path, store: Path, said: Said
) -> None:
    said.slow.touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "images"), str(store), str(said.program)], start_new_session=True
    )
    wait_until(lambda: said.count("export") == 1 and list((tmp_path / "images" / "trees").glob(".new-*")) != [])
    children = [int(pid) for pid in Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()]
    for pid in (holder.pid, *_all_children(holder.pid), *children):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    holder.wait()
    said.slow.unlink()
    assert Podman(store_root=store)._run("ps", "--all", "--quiet") != b""
    house = make()
    assert list((tmp_path / "images" / "trees").iterdir()) == []
    assert Podman(store_root=store)._run("ps", "--all", "--quiet") == b""
    assert ready(house, "ubuntu", "a") is not None


def test_kill_9_before_a_private_image_is_noted_leaves_it_to_nobody(
    make: Callable[..., ImageHouse], tmp_path: Path, store: Path
) -> None:
    """Given an image that a login's pull brought and nobody noted, when the platform starts, then it is removed."""
    podman, name = Podman(store_root=store), "docker.io/owner/secret:latest"
    image_trees.image(podman, image_trees.busybox_tree(tmp_path / "tree"), name)
    (tmp_path / "images").mkdir()
    Private(tmp_path / "images").coming(name, Login("me", "word"))
    house = make()
    assert podman.find([name]) is None
    assert Private(tmp_path / "images").unclaimed() == ()
    assert ready(house, "ubuntu", "a") is not None


def test_closing_ends_what_is_under_way(make: Callable[..., ImageHouse], said: Said) -> None:
    said.slow.touch()
    house, told = make(), []
    house.prepare(Wish(parse("ubuntu")), "a", lambda image, error: told.append(error))
    wait_until(lambda: said.count("export") == 1)
    begin = time.monotonic()
    house.close()
    assert time.monotonic() - begin < 5.0
    assert isinstance(told[0], OndolError)


def test_a_saved_image_and_a_plain_tree_are_told_apart(store: Path, tmp_path: Path) -> None:
    podman = Podman(store_root=store)
    podman._run("save", "--quiet", "--output", str(tmp_path / "saved.tar"), "docker.io/library/ubuntu:latest")
    stored = podman.load(tmp_path / "saved.tar", "docker.io/owner/copied:2")
    assert "docker.io/owner/copied:2" in stored.names
    assert stored.config.entrypoint == ("sh", "-c")
    podman.remove("docker.io/owner/copied:2")
    podman.remove("docker.io/owner/copied:2")
    assert podman.find(["docker.io/owner/copied:2"]) is None
    assert podman.find(["docker.io/library/ubuntu:latest"]) is not None
    (tmp_path / "no.tar").write_text("no archive")
    with pytest.raises(OndolError, match="no tar archive"):
        podman.load(tmp_path / "no.tar", "docker.io/owner/no:1")


def test_without_root_or_groups_the_reason_is_said(tmp_path: Path) -> None:
    found, why = find_containers(tmp_path, None)
    assert found is None
    assert "containers need" in why


def wait_until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def _all_children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_all_children(child)]
    return found
