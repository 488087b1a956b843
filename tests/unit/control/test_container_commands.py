"""Given the constants of a container task, when it is checked and completed, then it runs what Docker would run."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control.command import check_command, container_argv, environment_of, login_of, read_only, work_dir
from ondol.control.profiles import profiles_of
from ondol.engine.images.image import ImageConfig
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, TaskId

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
HERE = profiles_of(containers=True, network=True)
IMAGE = ImageConfig(entrypoint=("tool",), command=("--help",))


def task(profile: str = "docker-batch", **constants: str) -> Task:
    return Task(
        id=TaskId("t"), account_id=AccountId("a"), name="n", profile=profile, constants=constants,
        created_at=NOW, modified_at=NOW, state_since=NOW,
    )  # fmt: skip


def argv(image: ImageConfig, **constants: str) -> tuple[str, ...]:
    given = task(**constants)
    return container_argv(given, 3, environment_of(given, 3, "/job", "/checkpoint"), image)


def test_entry_point_and_command_are_joined_as_docker_joins_them() -> None:
    assert argv(IMAGE) == ("tool", "--help")
    assert argv(IMAGE, DOCKER_CMD="-n ${INSTANCE_ID} 'a b'") == ("tool", "-n", "3", "a b")
    assert argv(IMAGE, DOCKER_ENTRYPOINT="sh -c", DOCKER_CMD="'echo x'") == ("sh", "-c", "echo x")
    assert argv(IMAGE, DOCKER_ENTRYPOINT="", DOCKER_CMD="id") == ("id",)
    assert argv(IMAGE, DOCKER_ENTRYPOINT="sh") == ("sh",)
    assert argv(ImageConfig(command=("run",))) == ("run",)


@pytest.mark.parametrize("constants", [{}, {"DOCKER_ENTRYPOINT": ""}, {"DOCKER_CMD": "  "}])
def test_nothing_to_run_is_told(constants: dict[str, str]) -> None:
    with pytest.raises(InvalidFieldError, match="DOCKER_CMD"):
        argv(ImageConfig(), **constants)


@pytest.mark.parametrize(
    ("constants", "word"),
    [
        ({"DOCKER_REPO": "Not An Image"}, "DOCKER_REPO"),
        ({"DOCKER_TAG": "a b"}, "DOCKER_TAG"),
        ({"DOCKER_CMD": "echo 'a"}, "DOCKER_CMD"),
        ({"DOCKER_ENTRYPOINT": "echo 'a"}, "DOCKER_ENTRYPOINT"),
        ({"DOCKER_WORKDIR": "here"}, "DOCKER_WORKDIR"),
        ({"DOCKER_WORKDIR": "/a/../../b"}, "DOCKER_WORKDIR"),
        ({"RESOURCES_PATH": "/"}, "RESOURCES_PATH"),
        ({"RESOURCES_PATH": "/proc/x"}, "RESOURCES_PATH"),
        ({"RESOURCES_PATH": "//./proc"}, "RESOURCES_PATH"),
        ({"DOCKER_READ_ONLY": "perhaps"}, "DOCKER_READ_ONLY"),
    ],
)
def test_constants_that_cannot_hold_are_refused_at_once(constants: dict[str, str], word: str) -> None:
    with pytest.raises(InvalidFieldError, match=word):
        check_command(task(**constants), HERE)


def test_a_container_task_needs_no_command_of_its_own() -> None:
    check_command(task(), HERE)
    check_command(task("docker-network", DOCKER_REPO="any/image"), HERE)
    with pytest.raises(InvalidFieldError, match="DOCKER_CMD"):
        check_command(task())


def test_a_machine_lists_only_what_it_can_run() -> None:
    assert sorted(profiles_of(containers=True, network=True)) == ["docker-batch", "docker-network", "process"]
    assert sorted(profiles_of(containers=True, network=False)) == ["docker-batch", "process"]
    assert sorted(profiles_of(containers=False, network=True)) == ["docker-batch", "process"]
    with pytest.raises(InvalidFieldError, match="profile"):
        check_command(task("docker-network", DOCKER_CMD="id"), profiles_of(containers=True, network=False))
    with pytest.raises(InvalidFieldError, match="DOCKER_REPO"):
        check_command(task(DOCKER_REPO="owner/image", DOCKER_CMD="id"), profiles_of(containers=False, network=False))


def test_the_login_stays_out_of_the_environment() -> None:
    given = task(DOCKER_REGISTRY_LOGIN="me", DOCKER_REGISTRY_PASSWORD="word", OTHER="x")
    environment = environment_of(given, 0, "/data", "/checkpoint")
    assert environment["OTHER"] == "x"
    assert not [name for name in environment if "REGISTRY" in name]
    assert environment["RESOURCES_PATH"] == environment["QARNOT_RESULTS_DIRECTORY"] == "/data"
    login = login_of(given)
    assert login is not None
    assert (login.user, login.password) == ("me", "word")
    assert login_of(task()) is None


def test_folders_and_the_read_only_root_are_read() -> None:
    assert work_dir(task()) == "/job"
    assert work_dir(task(RESOURCES_PATH="/data/")) == "/data"
    assert work_dir(task(RESOURCES_PATH="/data", DOCKER_WORKDIR="/opt//app/.")) == "/opt/app"
    assert read_only(task(DOCKER_READ_ONLY="True"))
    assert not read_only(task(DOCKER_READ_ONLY="false"))
