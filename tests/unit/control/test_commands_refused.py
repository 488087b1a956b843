"""Given constants, when a task is checked, then it is refused where it could never start."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control.command import argv_of, check_command, environment_of
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, TaskId

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)


def task(**constants: str) -> Task:
    return Task(
        id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", constants=constants,
        created_at=NOW, modified_at=NOW, state_since=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    "constants",
    [
        {"CMD": '""'},
        {"CMD": "'' work"},
        {"CMD": "${TOOL}", "TOOL": ""},
        {"CMD": "${TOOL} work", "TOOL": "''"},
        {"CMD": "echo ${SAID}", "SAID": "it's"},
        {"CMD": "echo 'a"},
        {"CMD": "echo a\0b"},
        {"CMD": "echo", "OTHER": "a\0b"},
        {"CMD": "echo", "OTHER": "\ud800"},
    ],
)
def test_a_command_that_cannot_start_is_refused(constants: dict[str, str]) -> None:
    with pytest.raises(InvalidFieldError, match=r"constants\."):
        check_command(task(**constants))


def test_what_passes_the_check_is_what_is_launched() -> None:
    given = task(CMD="${TOOL} --in ${RESOURCES_PATH} '${SAID}' ${UNKNOWN}", TOOL="python3", SAID="a b")
    check_command(given)
    argv = argv_of(given, 0, environment_of(given, 0, "/job", "/checkpoint"))
    assert argv == ("python3", "--in", "/job", "a b", "${UNKNOWN}")
