"""Every field of a creation: read, checked, kept in the model and shown again; tasks made of old ones."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import httpx2
import pytest
import qarnot

from integration.api.memory_desk import NODE, MemoryDesk
from ondol.control.ports import OpenPort
from ondol.model.account import AccountLimits, Project, ReservedQuota
from ondol.model.compute import TaskState
from ondol.model.conditions import (
    Dependency,
    FinalState,
    ForcedConstant,
    HardwareConstraint,
    HardwareKind,
    NetworkRule,
    Scheduling,
)
from ondol.model.ids import AccountId, ProjectId, TaskId
from ondol.model.view import ServiceClass
from ondol.storage.ports import Changes

ALICE_ID = AccountId("alice")
PROJECT = ProjectId("11111111-1111-4111-8111-111111111111")
GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 2,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}
FULL = GOOD | {
    "shortname": "full",
    "instanceCount": 0,
    "advancedRanges": "0-2,7",
    "labels": {"team": "blue"},
    "tags": ["a", "b"],
    "advancedResourceBuckets": [{"bucketName": "results", "cacheTTLSec": 5}, {"bucketName": "results"}],
    "defaultResourcesCacheTTLSec": 60,
    "ResultsCacheTTLSec": 77,
    "resultBucket": "results",
    "resultsBucketPrefix": "out/",
    "resultsWhitelist": "a.*",
    "resultsBlacklist": "b.*",
    "snapshotWhitelist": "s.*",
    "snapshotBucket": "results",
    "snapshotBucketPrefix": "snap/",
    "uploadResultsOnCancellation": True,
    "retrySettings": {"maxTotalRetries": 3, "maxPerInstanceRetries": 1},
    "schedulingType": "onDemand",
    "hardwareConstraints": [
        {"discriminator": "MinimumCoreHardwareConstraint", "coreCount": 1},
        {"discriminator": "CpuModelHardwareConstraint", "cpuModel": "VIRTUAL", "coreCount": 0},
        {"discriminator": "NoGpuHardwareConstraint"},
    ],
    "forcedConstants": [
        {"constantName": "LEVEL", "forcedValue": 7, "forceExportInEnvironment": False, "access": "ReadOnly"},
        {"constantName": "QARNOT_SECRET__X", "forcedValue": "hush"},
    ],
    "forcedNetworkRules": [
        {"inbound": True, "proto": "tcp", "port": 22, "name": "ssh", "application_type": "ssh", "toPayload": True}
    ],
    "secretsAccessRights": {"bySecret": [{"key": "a/b"}], "byPrefix": [{"prefix": "db/"}]},
    "privileges": {"exportApiAndStorageCredentialsInEnvironment": True},
    "maxTimeQueueSeconds": 600,
    "autoDeleteOnCompletion": True,
    "completionTimeToLive": "1.02:00:00",
    "waitForPoolResourcesSynchronization": True,
    "projectUuid": PROJECT,
    "priority": 5,
    "snapshotInterval": 99,
}


def post(client: httpx2.Client, body: Any, path: str = "/tasks") -> str:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    uuid: str = answer.json()["uuid"]
    return uuid


def refusal(client: httpx2.Client, **changes: Any) -> str:
    answer = client.post("/tasks", json=GOOD | changes)
    assert answer.status_code == 400, answer.text
    text: str = answer.json()["message"]
    assert text.startswith("Invalid task file. Invalid fields: ")
    return text


@pytest.fixture(autouse=True)
def project(desk: MemoryDesk) -> None:
    desk.store.put_project(Project(id=PROJECT, name="Blue", slug="blue", members=(ALICE_ID,)))


def limit(desk: MemoryDesk, **limits: Any) -> None:
    desk.store.set_terms(ALICE_ID, organization="", limits=AccountLimits(**limits))


def test_every_field_is_kept_and_shown(alice: httpx2.Client, desk: MemoryDesk):
    uuid = post(alice, FULL)
    task = desk.store.task(TaskId(uuid))
    assert task is not None
    assert task.instance_numbers == (0, 1, 2, 7)
    assert [one.cache_ttl_s for one in task.resources] == [5, 60]
    assert (task.scheduling, task.service) == (Scheduling.ON_DEMAND, ServiceClass.ON_DEMAND)
    assert task.hardware == (
        HardwareConstraint(kind=HardwareKind.MINIMUM_CORE, amount=1.0),
        HardwareConstraint(kind=HardwareKind.CPU_MODEL, key="VIRTUAL"),
        HardwareConstraint(kind=HardwareKind.NO_GPU),
    )
    assert task.forced_constants[0] == ForcedConstant(name="LEVEL", value="7", export=False, read_only=True)
    assert task.network_rules == (
        NetworkRule(inbound=True, proto="tcp", port="22", name="ssh", application_type="ssh"),
    )
    assert (task.secrets_by_key, task.secrets_by_prefix, task.export_credentials) == (("a/b",), ("db/",), True)
    assert (task.max_queue_s, task.auto_delete, task.ttl_s) == (600.0, True, 93_600.0)
    assert (task.project_id, task.wait_for_resources, task.snapshot.prefix) == (PROJECT, True, "snap/")
    assert task.snapshot.interval_s == 0

    shown = alice.get(f"/tasks/{uuid}").json()
    for key, value in FULL.items():
        if key in ("constants", "advancedResourceBuckets", "forcedConstants", "forcedNetworkRules", "priority"):
            continue
        if key in ("hardwareConstraints", "snapshotInterval"):
            continue
        assert shown[key] == value, key
    assert [one["cacheTTLSec"] for one in shown["advancedResourceBuckets"]] == [5, 60]
    assert shown["advancedResourceBuckets"][0]["filtering"] == {"prefixFiltering": {"prefix": ""}}
    assert shown["hardwareConstraints"][1] == {"discriminator": "CpuModelHardwareConstraint", "cpuModel": "VIRTUAL"}
    assert shown["forcedConstants"][1]["forcedValue"] == "[SECRET]"
    assert shown["forcedNetworkRules"][0]["applicationType"] == "ssh"
    assert (shown["snapshotInterval"], shown["poolUuid"], shown["jobUuid"]) == (0, None, None)


def test_nulls_at_every_depth_are_as_if_left_out(alice: httpx2.Client):
    nulls = dict.fromkeys(FULL) | GOOD
    nulls |= {
        "secretsAccessRights": {"bySecret": None, "byPrefix": None},
        "dependencies": {"dependsOn": None},
        "retrySettings": {"maxTotalRetries": None, "maxPerInstanceRetries": None},
        "poolUuid": "00000000-0000-0000-0000-000000000000",
        "resourceBuckets": "results",
        "completionTimeToLive": 90,
        "shortname": "",
    }
    shown = alice.get(f"/tasks/{post(alice, nulls)}").json()
    assert (shown["resourceBuckets"], shown["completionTimeToLive"]) == (["results"], "00:01:30")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"poolUuid": "nope"}, "poolUuid"),
        ({"jobUuid": "nope"}, "jobUuid"),
        ({"projectUuid": "nope"}, "projectUuid"),
        ({"schedulingType": "Reserved"}, "schedulingType"),
        ({"targetedReservationName": "r"}, "schedulingType"),
        ({"dependencies": {"dependsOn": ["x"]}}, "dependencies"),
        ({"hardwareConstraints": [{"discriminator": "Nope"}]}, "hardwareConstraints.0.discriminator"),
        ({"hardwareConstraints": [{"discriminator": "MinimumRamHardwareConstraint"}]}, "minimumMemoryMB"),
        (
            {"hardwareConstraints": [{"discriminator": "MinimumCoreHardwareConstraint", "coreCount": 99}]},
            "hardwareConstraints",
        ),
        ({"forcedConstants": [{"constantName": "A", "access": "None"}]}, "forcedConstants.0.access"),
        ({"forcedNetworkRules": [{"inbound": True, "proto": "tcp"}]}, "forcedNetworkRules.0.port"),
        ({"forcedNetworkRules": [{"inbound": True, "port": "22", "publicPort": "2222"}]}, "publicPort"),
        ({"secretsAccessRights": {"bySecret": [{"key": ""}]}}, "secretsAccessRights.bySecret"),
        ({"maxTimeQueueSeconds": -1}, "maxTimeQueueSeconds"),
        ({"completionTimeToLive": "soon"}, "completionTimeToLive"),
        ({"snapshotWhitelist": "("}, "snapshotWhitelist"),
        ({"advancedRanges": "3-1", "instanceCount": 0}, "advancedRanges"),
        ({"instanceCount": 10_000}, "instanceCount"),
        ({"resourceBuckets": ["a"], "advancedResourceBuckets": [{"bucketName": "b"}]}, "resourceBuckets"),
        ({"defaultResourcesCacheTTLSec": -1}, "cacheTTLSec"),
        ({"labels": {"": "x"}}, "labels."),
    ],
)
def test_what_is_wrong_is_named(alice: httpx2.Client, changes: dict[str, Any], named: str):
    assert named in refusal(alice, **changes).partition(": ")[2]


def test_quota_and_administrator_texts(alice: httpx2.Client, desk: MemoryDesk):
    assert alice.post("/tasks", json=GOOD | {"constraints": [{"key": "k", "value": "v"}]}).status_code == 403
    limit(desk, max_tasks=1)
    post(alice, GOOD)
    full = alice.post("/tasks", json=GOOD)
    assert (full.status_code, "maximum number of tasks reached" in full.json()["message"].lower()) == (403, True)
    bulk = alice.post("/tasks", json=[GOOD, GOOD])
    assert (bulk.status_code, [one["statusCode"] for one in bulk.json()]) == (403, [403, 403])


def test_reservations(alice: httpx2.Client, desk: MemoryDesk):
    limit(desk, reserved=(ReservedQuota(reservation="night", machine_key="virtual", nodes=(NODE,)),))
    task = alice.get(
        f"/tasks/{post(alice, GOOD | {'schedulingType': 'Reserved', 'targetedReservedMachineKey': 'virtual'})}"
    ).json()
    assert (task["schedulingType"], task["targetedReservationName"]) == ("reserved", "night")
    assert "night (virtual)" in refusal(alice, schedulingType="reserved", targetedReservationName="day")
    assert alice.get(f"/tasks/{post(alice, GOOD | {'schedulingType': 'whatever'})}").json()["schedulingType"] == "flex"


def test_pools_jobs_and_both(alice: httpx2.Client, bob: httpx2.Client, desk: MemoryDesk):
    pool = post(alice, {"name": "p", "profile": "docker-batch", "instanceCount": 1}, "/pools")
    other = post(alice, {"name": "q", "profile": "docker-batch", "instanceCount": 1}, "/pools")
    job = post(alice, {"name": "j", "poolUuid": pool}, "/jobs")
    free = post(alice, {"name": "f"}, "/jobs")
    task = {key: value for key, value in GOOD.items() if key != "profile"}
    for body in ({"poolUuid": pool}, {"jobUuid": job}, {"jobUuid": job, "poolUuid": pool}):
        shown = alice.get(f"/tasks/{post(alice, task | body)}").json()
        assert (shown["poolUuid"], shown["profile"]) == (pool, "docker-batch")
        assert shown["jobUuid"] == body.get("jobUuid")
    assert "poolUuid" in refusal(alice, jobUuid=free, poolUuid=pool)
    assert "poolUuid" in refusal(alice, jobUuid=job, poolUuid=other)
    assert "hardwareConstraints" in refusal(
        alice, poolUuid=pool, hardwareConstraints=[{"discriminator": "NoGpuHardwareConstraint"}]
    )
    assert "secretsAccessRights" in refusal(alice, poolUuid=pool, secretsAccessRights={"bySecret": [{"key": "a"}]})
    assert "profile" in refusal(alice, poolUuid=pool, profile="process")
    assert bob.post("/tasks", json=GOOD | {"poolUuid": pool}).status_code == 400
    alice.post(f"/pools/{pool}/close")
    assert "Closing" in refusal(alice, poolUuid=pool)
    alice.post(f"/jobs/{free}/terminate")
    assert "Completed" in refusal(alice, jobUuid=free)


def test_dependencies(alice: httpx2.Client, desk: MemoryDesk):
    job = post(alice, {"name": "j", "useDependencies": True}, "/jobs")
    plain = post(alice, {"name": "k"}, "/jobs")
    first, second = post(alice, GOOD | {"jobUuid": job}), post(alice, GOOD | {"jobUuid": job})
    stranger = post(alice, GOOD)
    desk.start(second)
    desk.finish(second, exit_code=1)
    simple = post(alice, GOOD | {"jobUuid": job, "dependencies": {"dependsOn": [first]}})
    assert alice.get(f"/tasks/{simple}").json()["dependencies"] == {"dependsOn": [first], "state": "waiting"}
    conditions = [
        {"taskUuid": first, "taskFinalStateCondition": None},
        {"taskUuid": second, "taskFinalStateCondition": ["Failure", "cancelled"]},
    ]
    advanced = post(alice, GOOD | {"jobUuid": job, "dependencies": {"advancedDependsOn": conditions}})
    kept = desk.store.task(TaskId(advanced))
    assert kept is not None
    assert kept.dependencies == (
        Dependency(task_id=TaskId(first), accepts=tuple(FinalState), simple=False),
        Dependency(
            task_id=TaskId(second),
            accepts=(FinalState.FAILURE, FinalState.CANCELLED),
            ended=FinalState.FAILURE,
            simple=False,
        ),
    )
    shown = alice.get(f"/tasks/{advanced}").json()["dependencies"]
    assert (shown["dependsOn"], shown["state"]) == ([], "waiting")
    assert shown["advancedDependsOn"][1] == {
        "taskUuid": second,
        "taskFinalStateCondition": ["failure", "cancelled"],
        "state": "dependencyConditionsFulfilled",
        "actualFinalState": "failure",
    }
    broken = dataclasses.replace(kept, dependencies=(dataclasses.replace(kept.dependencies[1], accepts=()),))
    desk.store.commit(Changes(tasks=(broken,)))
    assert alice.get(f"/tasks/{advanced}").json()["dependencies"]["state"] == "dependencyConditionsNotFulfilled"
    for body in (
        {"dependencies": {"dependsOn": [first]}},
        {"jobUuid": plain, "dependencies": {"dependsOn": [first]}},
        {"jobUuid": job, "dependencies": {"dependsOn": [stranger]}},
        {"jobUuid": job, "dependencies": {"dependsOn": ["nobody"]}},
        {
            "jobUuid": job,
            "dependencies": {"advancedDependsOn": [{"taskUuid": first, "taskFinalStateCondition": ["x"]}]},
        },
    ):
        assert "dependencies" in refusal(alice, **body)


# -- tasks made of old ones --


def end(desk: MemoryDesk, uuid: str, *states: str) -> None:
    """End the instances of a task in given ways."""
    from ondol.model.compute import InstanceState

    task = desk.store.task(TaskId(uuid))
    assert task is not None
    instances = tuple(
        dataclasses.replace(one, state=InstanceState(state))
        for one, state in zip(desk.store.instances(task.id), states, strict=True)
    )
    desk.store.commit(Changes(tasks=(dataclasses.replace(task, state=TaskState.FAILURE),), instances=instances))


def test_clone_is_alike_but_for_what_is_said(alice: httpx2.Client, desk: MemoryDesk):
    old = post(alice, FULL | {"labels": {"ondol.deadline": "2026-01-12T05:00:00Z", "team": "blue"}})
    desk.at += dt.timedelta(days=1)
    new = post(
        alice, {"name": "again", "tags": ["c"], "secretsAccessRights": {"bySecret": None}}, f"/tasks/{old}/clone"
    )
    before, after = alice.get(f"/tasks/{old}").json(), alice.get(f"/tasks/{new}").json()
    different = {key for key in before if before[key] != after.get(key)}
    assert different <= {
        *("uuid", "shortname", "name", "tags", "labels", "status", "creationDate", "lastModified", "wallTime"),
        *("stateTransitionTime", "completedInstances"),
    }
    assert (after["name"], after["tags"], after["labels"]) == ("again", ["c"], {"team": "blue"})
    kept = desk.store.task(TaskId(new))
    assert kept is not None
    assert kept.forced_constants[1].value == "hush"
    wider = alice.get(
        f"/tasks/{post(alice, {'InstanceCount': 5, 'AdvancedRanges': None}, f'/tasks/{old}/clone')}"
    ).json()
    assert (wider["instanceCount"], wider["advancedRanges"]) == (5, None)


@pytest.mark.parametrize(("word", "ranges"), [("retry", "1"), ("resume", "2-3"), ("recover", "1-3")])
def test_instances_are_run_again(alice: httpx2.Client, desk: MemoryDesk, word: str, ranges: str):
    old = post(alice, GOOD | {"instanceCount": 5})
    end(desk, old, "succeeded", "failed", "cancelled", "cancelled", "succeeded")
    go = {
        "secretsAccessRights": {"bySecret": None, "byPrefix": None},
        "dependencies": {"dependsOn": None},
        "privileges": {"exportApiAndStorageCredentialsInEnvironment": False},
        "retrySettings": {"maxTotalRetries": 0, "maxPerInstanceRetries": 0},
        "instanceCount": 0,
    }
    for body in (go, {}, None):
        new = alice.get(f"/tasks/{post(alice, body, f'/tasks/{old}/{word}')}").json()
        assert (new["advancedRanges"], new["state"]) == (ranges, "Submitted")
    assert alice.post(f"/tasks/{old}/{word}", json={"instanceCount": 3}).status_code == 400
    assert alice.post(f"/tasks/{old}/{word}", json=[1]).status_code == 400
    assert alice.post(f"/tasks/none/{word}", json={}).status_code == 404
    fresh = post(alice, GOOD)
    nothing = alice.post(f"/tasks/{fresh}/{word}", json={})
    assert (nothing.status_code, f"nothing to {word}" in nothing.json()["message"]) == (400, True)


# -- resources, snapshots, ports --


def test_refresh_snapshots_and_ports(alice: httpx2.Client, desk: MemoryDesk):
    uuid = post(alice, GOOD)
    assert alice.get(f"/network/tasks/{uuid}/port-forward").json() == {"0": {}, "1": {}}
    assert alice.patch(f"/tasks/{uuid}").status_code == 400
    desk.ports[1] = (OpenPort(name="ssh", port=22, host="127.0.0.1", public_port=40_022, application_type="ssh"),)
    desk.start(uuid)
    assert alice.patch(f"/tasks/{uuid}", content=b"null").status_code == 200
    assert desk.refreshed == [uuid]
    asked = {"whitelist": "a.*", "bucket": "results", "bucketPrefix": "s/"}
    snapshot = alice.post(f"/tasks/{uuid}/snapshot", json=asked).json()["id"]
    state = alice.get(f"/tasks/{uuid}/snapshot/{snapshot}").json()
    assert state["snapshotConfig"] == asked | {"blacklist": None}
    assert (state["status"], state["taskUuid"], state["sizeToUpload"]) == ("Triggered", uuid, 0)
    assert alice.get(f"/tasks/{uuid}/snapshot/snap_none").status_code == 404
    assert alice.post(f"/tasks/{uuid}/snapshot", json={"whitelist": "("}).status_code == 400
    assert alice.post(f"/tasks/{uuid}/snapshot/periodic", json={"interval": 60, "blacklist": "b"}).status_code == 200
    assert alice.get(f"/tasks/{uuid}").json()["snapshotInterval"] == 60
    forward = alice.get(f"/v1/network/tasks/{uuid}/port-forward").json()
    assert forward["0"] == {}
    assert forward["1"]["ssh"]["access"] == {"publicHost": "127.0.0.1", "publicPort": 40_022}
    running = alice.get(f"/tasks/{uuid}").json()["status"]["runningInstancesInfo"]["perRunningInstanceInfo"]
    assert running[1]["activeForwards"][0]["forwarderPort"] == 40_022
    assert running[0]["activeForwards"] == []


def test_output_without_accept_is_json_text(url: str, alice: httpx2.Client, desk: MemoryDesk):
    uuid = post(alice, GOOD)
    desk.say(uuid, 'a "b"\n', stream="stdout")
    plain = alice.get(f"/tasks/{uuid}/stdout")
    assert (plain.text, plain.headers["content-type"]) == ('a "b"\n', "text/plain; charset=utf-8")
    assert alice.get(f"/tasks/{uuid}/stdout", headers={"Accept": "application/json"}).text == 'a "b"\n'
    with httpx2.Client(base_url=url, headers={"Authorization": alice.headers["Authorization"]}) as go:
        del go.headers["Accept"]
        assert json.loads(go.get(f"/v1/tasks/{uuid}/stdout").text) == 'a "b"\n'
        assert json.loads(go.post(f"/v1/tasks/{uuid}/stdout/0").text) == 'a "b"\n'


def test_python_sdk_reads_all_of_it(connect: Any, alice: httpx2.Client, desk: MemoryDesk):
    uuid = post(alice, FULL)
    desk.start(uuid)
    task = connect().retrieve_task(uuid)
    assert isinstance(task, qarnot.task.Task)
    assert task.secrets_access_rights.to_json()["bySecret"] == [{"key": "a/b"}]
    assert task.hardware_constraints[1].to_json()["cpuModel"] == "VIRTUAL"
    assert task.forced_network_rules[0].to_json()["port"] == "22"
    assert (task.scheduling_type.schedulingType, task.max_time_queue_seconds) == ("OnDemand", 600)
    assert task.status.running_instances_info.per_running_instance_info[0].cpu_usage == 50.0
