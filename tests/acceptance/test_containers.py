"""Given images on this machine, when the unchanged SDK submits docker-batch tasks, then they run in those images."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qarnot.exceptions import QarnotGenericException
from qarnot.forced_network_rule import ForcedNetworkRule

import image_trees
from acceptance.asking import abort_all, end_of, keys, messages, ondol, says, until
from acceptance.conftest import WIDER_FLEET
from acceptance.platform import Up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, image_store: Path) -> Iterator[Up]:
    found = json.loads(ondol("doctor", "--json").stdout)["findings"]
    containers = next(row for row in found if row["what"] == "containers")
    if not containers["found"].startswith("work"):
        pytest.skip(f"containers cannot run here: {containers['found']}")
    folder = tmp_path_factory.mktemp("containers")
    for name, options in (
        ("ubuntu", ()),
        ("owner/tool:1.0", ("--entrypoint", "sh -c", "--command", "'echo own command; id -u'", "--user", "app")),
    ):
        tree = image_trees.busybox_tree(folder / name.replace("/", "-"))
        (tree / "name").write_text(f"{name}\n")
        packed = image_trees.archive(tree, folder / "tree.tar")
        done = ondol("image", "import", str(packed), name, *options)
        assert done.returncode == 0, done.stderr
        shutil.rmtree(tree)
    up = Up(folder, fleet=WIDER_FLEET)
    up.start()
    yield up
    abort_all(up.connection())
    up.stop()


@pytest.fixture
def connection(up: Up) -> Any:
    return up.connection()


def work(connection: Any, command: str = "", instances: int = 1, **constants: str) -> Any:
    task = connection.create_task("contained", "docker-batch", instances)
    task.constants = {**({"DOCKER_CMD": command} if command else {}), **constants}
    task.labels = {"ondol.service": "on_demand"}
    return task


def test_hello_runs_in_the_image_that_scripts_name_by_default(connection: Any) -> None:
    task = work(connection, "sh -c 'echo hello ${INSTANCE_ID} $(cat /name) $PWD $HOME'", instances=2)
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert task.stdout() == "0> hello 0 ubuntu /job /root\n1> hello 1 ubuntu /job /root\n"


def test_files_go_in_and_results_out_for_an_image_with_a_user_of_its_own(connection: Any, tmp_path: Path) -> None:
    given, made = connection.create_bucket("contained-in"), connection.create_bucket("contained-out")
    given.add_string("input\n", "in.txt")
    command = "'cat in.txt > out.txt; id -u >> out.txt; echo changed >> in.txt; ls -1 $RESOURCES_PATH'"
    task = work(connection, command, DOCKER_REPO="owner/tool", DOCKER_TAG="1.0", RESOURCES_PATH="/data")
    task.resources, task.results = [given], made
    task.submit()
    assert end_of(task) == "Success", messages(task) + task.stderr()
    assert keys(made) == ["in.txt", "out.txt"]
    task.download_results(str(tmp_path))
    assert (tmp_path / "out.txt").read_text() == f"input\n{image_trees.APP[0]}\n"
    assert (tmp_path / "in.txt").read_text() == "input\nchanged\n"


def test_entry_point_and_command_are_the_images_own_where_the_task_has_none(connection: Any) -> None:
    task = work(connection, DOCKER_REPO="owner/tool", DOCKER_TAG="1.0")
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert task.stdout() == f"own command\n{image_trees.APP[0]}\n"


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({"DOCKER_REPO": "registry.invalid/some/thing", "DOCKER_CMD": "true"}, "invalid/some/thing:latest is not on"),
        ({"DOCKER_REPO": "owner/unknown", "DOCKER_CMD": "true"}, "owner/unknown:latest is not on this machine"),
        ({"DOCKER_CMD": "no-such-program"}, "Program not found: no-such-program"),
        ({}, "the image has none of its own"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_the_tasks_error(connection: Any, constants: dict[str, str], words: str) -> None:
    task = work(connection, **constants)
    task.submit()
    assert end_of(task) == "Failure"
    assert words in messages(task)


def test_the_hosts_system_stands_in_for_a_general_image_that_is_nowhere(connection: Any) -> None:
    task = work(
        connection, "sh -c 'test ! -e /name && echo ${INSTANCE_ID} here'", DOCKER_REPO="debian", DOCKER_TAG="12"
    )
    task.submit()
    assert end_of(task) == "Success", messages(task)
    assert task.stdout() == "0 here\n"


def test_a_rule_opens_a_port_of_a_container_with_a_network_of_its_own(connection: Any) -> None:
    if "docker-network" not in connection.profiles_names():
        pytest.skip("containers cannot run here: slirp4netns is not installed")
    task = connection.create_task("served", "docker-network", 1)
    task.constants = {"DOCKER_CMD": "sh -c 'echo served > /job/page; echo up; exec httpd -f -p 8080 -h /job'"}
    task.labels = {"ondol.service": "on_demand"}
    task.forced_network_rules = [ForcedNetworkRule(True, "tcp", port="8080", name="web")]
    task.submit()
    says(task, "up")

    def access() -> dict[str, Any]:
        shown = connection._get(f"/v1/network/tasks/{task.uuid}/port-forward").json()
        return shown["0"].get("web", {}).get("access", {})

    found = until(access, "the open port")
    address = f"{found['publicHost']}:{found['publicPort']}"
    assert until(lambda: _page(address), "the page of the container") == "served\n"
    task.abort()
    assert end_of(task) == "Cancelled"


def test_a_name_that_is_none_is_refused_at_once(connection: Any) -> None:
    with pytest.raises(QarnotGenericException, match="DOCKER_REPO"):
        work(connection, "true", DOCKER_REPO="Not An Image").submit()


def test_a_container_outlives_kill_9_of_the_platform_and_is_ended_by_an_abort(up: Up) -> None:
    task = work(up.connection(), "sh -c 'echo up; sleep 600'")
    task.submit()
    says(task, "up")
    up.kill()
    up.start()
    connection = up.connection()
    task = connection.retrieve_task(task.uuid)
    assert until(lambda: task.update(True) or task.state == "FullyExecuting", "the adopted container")
    task.abort()
    assert end_of(task) == "Cancelled"
    until(lambda: not list((up.data / "engine" / "attempts").iterdir()), "the release of the container")
    until(lambda: not list((up.data / "images" / "pins").iterdir()), "the release of the image")
    assert not [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(up.data) in line]


def test_images_in_the_store_are_listed_and_removed(up: Up, tmp_path: Path) -> None:
    tree = image_trees.busybox_tree(tmp_path / "tree")
    assert ondol("image", "import", str(image_trees.archive(tree, tmp_path / "t.tar")), "short-lived:3").returncode == 0
    task = work(up.connection(), "true", DOCKER_REPO="short-lived", DOCKER_TAG="3")
    task.submit()
    assert end_of(task) == "Success", messages(task)

    def rows() -> dict[str, Any]:
        listed = ondol("image", "list", "--data", str(up.data), "--json")
        return {row["name"]: row for row in json.loads(listed.stdout)}

    assert rows()["docker.io/library/short-lived:3"]["unpacked_bytes"] > 0
    done = until(lambda: _removed(up), "the removal once no task uses it")
    assert "short-lived:3 is removed" in done
    assert "docker.io/library/short-lived:3" not in rows()


def _removed(up: Up) -> str:
    done = ondol("image", "remove", "short-lived:3", "--data", str(up.data))
    return done.stdout if done.returncode == 0 else ""


def _page(address: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/page", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""
