"""Options of `task create` become the body that the compute API wants."""

from __future__ import annotations

from typing import Any

import pytest

from ondol.cli.task_body import task_body
from ondol.model.errors import InvalidFieldError
from ondol.server.api.wire_in import TaskCreation, read_body


def make(**options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": "t",
        "profile": "process",
        "instances": None,
        "ranges": None,
        "command": None,
        "constants": (),
        "resources": (),
        "result": None,
        "tags": (),
        "labels": (),
        "service": None,
        "deadline": None,
        "retries": 0,
        "shortname": None,
    }
    return task_body(**{**plain, **options})


def test_the_platform_reads_all_that_was_said() -> None:
    body = make(
        ranges="0-2,5",
        command="python3 work.py ${INSTANCE_ID}",
        constants=["SEED=7", "EMPTY=", "EQ=a=b"],
        resources=["scene", "input/frames/"],
        result="out/run1/",
        service="on_demand",
        deadline="+2h",
        retries=2,
        tags=["x"],
        labels=["who=me"],
    )

    seen = read_body(TaskCreation, body)

    assert {one.key: one.value for one in seen.constants} == {
        "CMD": "python3 work.py ${INSTANCE_ID}",
        "SEED": "7",
        "EMPTY": "",
        "EQ": "a=b",
    }
    assert seen.advanced_ranges == "0-2,5"
    assert [one.bucket_name for one in seen.advanced_resource_buckets] == ["scene", "input"]
    assert seen.advanced_resource_buckets[1].filtering.prefix_filtering.prefix == "frames/"
    assert (seen.result_bucket, seen.results_bucket_prefix) == ("out", "run1/")
    assert seen.labels == {"who": "me", "ondol.service": "on_demand", "ondol.deadline": "+2h"}
    assert seen.scheduling_type == "OnDemand"
    assert seen.retry_settings.max_per_instance_retries == 2


def test_the_command_of_docker_batch_is_its_own_constant() -> None:
    assert make(profile="docker-batch", command="true")["constants"] == [{"key": "DOCKER_CMD", "value": "true"}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"instances": 2, "ranges": "0-1"}, "--range"),
        ({"ranges": "1-"}, "--range"),
        ({"constants": ["NOVALUE"]}, "NAME=VALUE"),
        ({"constants": ["A=1", "A=2"]}, "given once"),
        ({"command": "true", "constants": ["CMD=false"]}, "--command"),
        ({"resources": ["/prefix"]}, "BUCKET"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidFieldError, match=said):
        make(**options)
