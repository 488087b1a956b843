"""Options of `task create`, and files that go below them, become the body that the compute API wants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ondol.cli.creation_body import body_of
from ondol.cli.creation_file import merged, read_bodies
from ondol.cli.pool_create import pool_body
from ondol.cli.task_body import task_body
from ondol.model.errors import InvalidFieldError, NotFoundError, OndolError
from ondol.server.api.job_wire import JobCreation
from ondol.server.api.pool_in import PoolCreation
from ondol.server.api.wire_in import TaskCreation, read_body


def make(file: dict[str, Any] | None = None, profile_there: str = "", **options: Any) -> dict[str, Any]:
    return task_body({"name": "t", **options}, file=file, profile_there=profile_there)


def test_the_platform_reads_all_that_was_said() -> None:
    body = make(
        range="0-2,5",
        command="python3 work.py ${INSTANCE_ID}",
        constants=["SEED=7", "EMPTY=", "EQ=a=b"],
        resources=["scene", "input/frames/"],
        result="out/run1/",
        service="on_demand",
        deadline="+2h",
        expected="15min",
        cap=0.25,
        timelimit="2h30m",
        maxretriesperinstance=2,
        maxtotalretries=5,
        tags=["x"],
        labels=["who=me"],
        ttl=60,
        resultttl=70,
        whitelist="^out",
        secretsaccessrightsbykey=["a/b"],
        secretsaccessrightsbyprefix=["c/"],
        exportcredentialstoenv=True,
        autodelete=True,
        dependson=["11111111-1111-1111-1111-111111111111:Success,failure", "other"],
        maxtimequeue="90",
        mincorecount=4,
        maxramcoreratio=0.5,
        cpumodel="Some CPU",
        ssdhardware=True,
        specifichardwareconstraints=["k1", "k2"],
        waitforresourcessynchronization=True,
    )

    seen = read_body(TaskCreation, body)

    assert {one.key: one.value for one in seen.constants} == {
        "CMD": "python3 work.py ${INSTANCE_ID}",
        "SEED": "7",
        "EMPTY": "",
        "EQ": "a=b",
    }
    assert seen.advanced_ranges == "0-2,5"
    assert seen.instance_count == 0
    assert [one.bucket_name for one in seen.advanced_resource_buckets] == ["scene", "input"]
    assert seen.advanced_resource_buckets[1].filtering.prefix_filtering.prefix == "frames/"
    assert (seen.result_bucket, seen.results_bucket_prefix) == ("out", "run1/")
    assert seen.labels == {
        "who": "me",
        "ondol.service": "on_demand",
        "ondol.deadline": "+2h",
        "ondol.expected": "900",
        "ondol.cap": "0.25",
        "ondol.time_limit": "9000",
    }
    assert seen.scheduling_type == "OnDemand"
    assert (seen.retry_settings.max_per_instance_retries, seen.retry_settings.max_total_retries) == (2, 5)
    assert (seen.default_resources_cache_ttl_sec, seen.results_cache_ttl_sec) == (60, 70)
    assert seen.results_whitelist == seen.snapshot_whitelist == "^out"
    assert [one.key for one in seen.secrets_access_rights.by_secret] == ["a/b"]
    assert [one.prefix for one in seen.secrets_access_rights.by_prefix] == ["c/"]
    assert seen.privileges.export_api_and_storage_credentials_in_environment
    assert seen.auto_delete_on_completion
    assert [one.task_final_state_condition for one in seen.dependencies.advanced_depends_on] == [
        ["success", "failure"],
        [],
    ]
    assert seen.max_time_queue_seconds == 90
    assert seen.wait_for_pool_resources_synchronization is True
    assert [one["discriminator"].removesuffix("HardwareConstraint") for one in seen.hardware_constraints] == [
        "MinimumCore", "MaximumRamCoreRatio", "CpuModel", "SSD", "Specific", "Specific",
    ]  # fmt: skip


def test_the_command_goes_where_its_profile_looks_for_it() -> None:
    assert make(profile="docker-batch", command="true")["constants"] == [{"key": "DOCKER_CMD", "value": "true"}]
    assert make(command="true", profile_there="docker-batch")["constants"] == [{"key": "DOCKER_CMD", "value": "true"}]
    assert "profile" not in make(command="true", profile_there="process")
    imaged = make(command="true", image="registry:5000/a/b:3")
    assert imaged["profile"] == "docker-batch"
    assert {one["key"]: one["value"] for one in imaged["constants"]} == {
        "DOCKER_CMD": "true",
        "DOCKER_REPO": "registry:5000/a/b",
        "DOCKER_TAG": "3",
    }


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (".json", json.dumps({"Name": "f", "Profile": "process", "InstanceCount": 3, "Constants": ["A=1", "B=2"]})),
        (".toml", 'name = "f"\nprofile = "process"\ninstanceCount = 3\n[constants]\nA = 1\nB = "2"\n'),
        (".yaml", "name: f\nprofile: process\ninstance: 3\nconstants:\n- {key: A, value: 1}\n- B=2\n"),
    ],
)
def test_options_go_before_a_file_of_any_kind(ending: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / f"body{ending}"
    path.write_text(text)
    (file,) = read_bodies(path)

    kept = read_body(TaskCreation, task_body({}, file=file))
    over = read_body(TaskCreation, make(file, constants=["B=3"], range="0-1", command="echo hi"))

    assert (kept.name, kept.profile, kept.instance_count) == ("f", "process", 3)
    assert {one.key: one.value for one in kept.constants} == {"A": "1", "B": "2"}
    assert (over.name, over.instance_count, over.advanced_ranges) == ("t", 0, "0-1")
    assert {one.key: one.value for one in over.constants} == {"CMD": "echo hi", "A": "1", "B": "3"}


def test_labels_and_settings_of_a_file_are_added_to() -> None:
    file = body_of({"labels": {"a": "1"}, "retrySettings": {"maxTotalRetries": 4}, "resourceBuckets": ["x"]})
    body = merged(file, body_of({"labels": ["b=2"], "maxretriesperinstance": 1, "resources": ["y"]}))

    assert body["labels"] == {"a": "1", "b": "2"}
    assert body["retrySettings"] == {"maxTotalRetries": 4, "maxPerInstanceRetries": 1}
    assert "resourceBuckets" not in body
    assert body["advancedResourceBuckets"] == [{"bucketName": "y"}]


def test_a_file_may_hold_several_and_must_hold_objects(tmp_path: Path) -> None:
    path = tmp_path / "many.toml"
    path.write_text('[[tasks]]\nname = "a"\n[[tasks]]\nname = "b"\n')
    assert [one["name"] for one in read_bodies(path)] == ["a", "b"]
    for text in ("[1, 2]", "", "[]", "{", "\x00", "a: [b"):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(InvalidFieldError, match="--file"):
            read_bodies(tmp_path / "bad.yaml")
    with pytest.raises(NotFoundError):
        read_bodies(tmp_path)


def test_pools_and_jobs_are_read_as_said(tmp_path: Path) -> None:
    policies = {"policies": [{"type": "Fixed", "name": "p", "slotsCount": 2, "enabledPeriods": []}]}
    (tmp_path / "scaling.json").write_text(json.dumps(policies["policies"]))
    body = pool_body(
        {"name": "p", "instances": 3, "preparation": "true", "slotspernode": 2, "maxtotalretries": 1, "maxslot": 9,
         "scaling": f"@{tmp_path / 'scaling.json'}", "taskswaitforsynchronization": True, "service": "harvest"},
        {},
    )  # fmt: skip
    seen = read_body(PoolCreation, body)
    assert (seen.instance_count, seen.profile, seen.preparation_task.command_line) == (3, "process", "true")
    assert (seen.multi_slots_settings.slots_per_node, seen.default_retry_settings.max_total_retries) == (2, 1)
    assert (seen.elastic_property.is_elastic, seen.elastic_property.max_total_slots) == (True, 9)
    assert seen.scaling == policies
    job = read_body(JobCreation, body_of({"name": "j", "isdependant": True, "maxwalltime": "1d6h"}))
    assert (job.use_dependencies, job.max_wall_time) == (True, "1.06:00:00")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"instances": 2, "range": "0-1"}, "--range"),
        ({"range": "1-"}, "--range"),
        ({"constants": ["NOVALUE"]}, "NAME=VALUE"),
        ({"constants": ["A=1", "A=2"]}, "given once"),
        ({"command": "true", "constants": ["CMD=false"]}, "--command"),
        ({"resources": ["/prefix"]}, "BUCKET"),
        ({"result": "/prefix"}, "BUCKET"),
        ({"dependson": ["x:soon"]}, "Success"),
        ({"dependson": ["x:"]}, "--depends-on"),
        ({"expected": "soon"}, "--expected"),
        ({"expected": "0"}, "--expected"),
        ({"cap": "half"}, "--cap"),
        ({"cap": 0.05}, "from 0.1 to 1"),
        ({"timelimit": "-3s"}, "--time-limit"),
        ({"scaling": "{"}, "--scaling"),
        ({"image": ":3"}, "--image"),
        ({"name": ""}, "--name"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OndolError, match=said):
        make(**options)
