"""The ten rules of `reference/qarnot-api.md` §0, spoken raw: what other SDKs and old scripts send."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest

GOOD = {
    "name": "t",
    "profile": "docker-batch",
    "instanceCount": 1,
    "constants": [{"key": "DOCKER_CMD", "value": "true"}],
}
PASCAL = {
    "Name": "from C#",
    "Profile": "docker-batch",
    "InstanceCount": 2,
    "Uuid": "00000000-0000-0000-0000-000000000000",
    "PoolUuid": "00000000-0000-0000-0000-000000000000",
    "JobUuid": None,
    "EndDate": "0001-01-01T00:00:00",
    "Status": None,
    "Tags": None,
    "Labels": {"Team": "Blue", "ondol.service": "harvest"},
    "Constants": [{"Key": "DOCKER_CMD", "Value": "sleep 1"}, {"Key": "N", "Value": 3}],
    "AdvancedResourceBuckets": [
        {
            "BucketName": "results",
            "Filtering": {"PrefixFiltering": {"Prefix": "in/"}},
            "ResourcesTransformation": {"StripPrefix": {"Prefix": "in/"}},
        }
    ],
    "SchedulingType": "OnDemand",
    "Dependencies": {"DependsOn": []},
    "SecretsAccessRights": {"BySecret": [], "ByPrefix": []},
}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def create(client: httpx2.Client, **changes: Any) -> str:
    answer = client.post("/tasks", json=GOOD | changes)
    assert answer.status_code == 200, answer.text
    uuid: str = answer.json()["uuid"]
    return uuid


def message(answer: httpx2.Response) -> str:
    assert answer.headers["content-type"].startswith("application/json")
    text: str = answer.json()["message"]
    return text


def test_rule_1_pascal_case_bodies_with_output_fields(alice: httpx2.Client):
    answer = alice.post("/tasks", json=PASCAL)
    assert answer.status_code == 200, answer.text
    task = alice.get(f"/tasks/{answer.json()['uuid']}").json()
    assert task["labels"] == {"Team": "Blue", "ondol.service": "harvest"}
    assert {one["key"]: one["value"] for one in task["constants"]} == {"DOCKER_CMD": "sleep 1", "N": "3"}
    assert task["advancedResourceBuckets"][0]["filtering"] == {"prefixFiltering": {"prefix": "in/"}}
    assert task["schedulingType"] == "onDemand"
    page = alice.post("/tasks/paginate", json={"Token": None, "Filter": None, "MaximumResults": 5}).json()
    assert page["count"] == 1


def test_rule_1_paths_and_query_names_in_any_case(alice: httpx2.Client):
    uuid = create(alice)
    answer = alice.get(f"/Carbon/v1/Tasks/{uuid}/Carbon-Facts?comparisonDataCenter=Hyperscale")
    assert answer.status_code == 200, answer.text
    assert answer.json()["equivalent_datacenter_name"].startswith("Hyperscale")
    assert alice.get("/hardware-constraints?Limit=1&OFFSET=1").json()["limit"] == 1


@pytest.mark.parametrize("prefix", ["", "/v1", "/v1/", "/V1", "/", "//"])
def test_rule_3_every_path_bare_and_under_v1_without_redirect(alice: httpx2.Client, url: str, prefix: str):
    for path in ("/settings", "/profiles", "/tasks/", "//tasks", "/tasks//", "/Profiles/docker-batch/"):
        assert alice.get(url + prefix + path).status_code == 200, prefix + path
    assert alice.post(url + prefix + "/jobs/", json={"name": "j"}).status_code == 200


def test_rule_4_success_is_exactly_200(alice: httpx2.Client):
    uuid = create(alice)
    assert alice.put(f"/tasks/{uuid}", json={"tags": ["a"]}).status_code == 200
    assert alice.post(f"/tasks/{uuid}/snapshot/periodic", json={"interval": 5}).status_code == 200
    assert alice.post(f"/tasks/{uuid}/abort").status_code == 200
    assert alice.delete(f"/tasks/{uuid}").status_code == 200


def test_rule_5_errors_are_a_message(alice: httpx2.Client, url: str):
    assert "token" in message(httpx2.get(f"{url}/tasks"))
    assert httpx2.get(f"{url}/tasks", headers={"Authorization": "0" * 48}).status_code == 401
    assert httpx2.get(f"{url}/settings").json() == {"storage": None}
    for body in (b"{", b"[1,", b"\xff\xfe", b'{"name":"\\ud800"}', b"[" * 100_000):
        answer = alice.post("/tasks", content=body)
        assert answer.status_code == 400
        assert "not valid JSON" in message(answer)
    for body in (b"", b"null", b"7", b'"x"', b"[[]]"):
        assert 400 <= alice.post("/tasks", content=body).status_code < 500
    assert "No such task: none" in message(alice.get("/tasks/none"))
    assert alice.get("/nowhere").status_code == 404
    assert "No such route" in message(alice.get("/nowhere"))
    assert "does not answer" in message(alice.post("/settings"))
    assert message(alice.post("/tasks", json=GOOD | {"resultBucket": "gone"})) == "No such bucket: gone"


def test_an_error_nobody_foresaw_is_told_with_the_end_of_its_connection(
    alice: httpx2.Client, desk: Any, monkeypatch: pytest.MonkeyPatch
):
    """A client that keeps connections does not use this one again: the next request is answered."""
    uuid = create(alice)
    with monkeypatch.context() as broken:
        broken.setattr(desk, "detail", lambda *_: 1 / 0)
        answer = alice.get(f"/tasks/{uuid}")
        assert (answer.status_code, answer.headers["connection"]) == (500, "close")
        assert "log" in message(answer)
    assert alice.get(f"/tasks/{uuid}").status_code == 200


def test_tasks_are_listed_below_their_job_and_pool(alice: httpx2.Client):
    """What the two routes have in common: whole tasks, none but those."""
    job = alice.post("/jobs", json={"name": "j"}).json()["uuid"]
    pool = alice.post("/pools", json={"name": "p", "profile": "docker-batch", "instanceCount": 1}).json()["uuid"]
    for group, field, key in (("jobs", "jobUuid", job), ("pools", "poolUuid", pool)):
        answer = alice.get(f"/{group}/{key}/tasks")
        assert (answer.status_code, answer.json()) == (200, [])
        uuid = create(alice, **{field: key})
        assert [one["uuid"] for one in alice.get(f"/{group}/{key}/tasks").json()] == [uuid]


def test_bodies_over_the_limit_are_refused_with_words(alice: httpx2.Client):
    answer = alice.post("/tasks", content=b" " * ((16 << 20) + 1))
    assert answer.status_code == 413
    assert "16 MiB" in message(answer)


def test_rules_6_to_8_dates_durations_and_nulls(alice: httpx2.Client, desk: Any):
    uuid = create(alice)
    desk.start(uuid)
    task = alice.get(f"/tasks/{uuid}").json()
    for key in ("creationDate", "endDate", "stateTransitionTime", "previousStateTransitionTime", "lastModified"):
        assert DATE.fullmatch(task[key]), (key, task[key])
    assert task["endDate"] == "0001-01-01T00:00:00Z"
    assert re.fullmatch(r"(\d+\.)?\d\d:\d\d:\d\d", task["executionTime"])
    for key in (
        *("errors", "completedInstances", "resultsCount", "constants", "secretsAccessRights", "privileges"),
        *("retrySettings", "hardwareConstraints", "forcedNetworkRules", "status"),
    ):
        assert task[key] is not None, key
    assert task["status"]["executionTimeByCpuModel"] == [{"model": "virtual", "time": 0.0, "core": 1}]
    assert len(task["status"]["executionTimeGhzByCpuModel"]) == 1
    for one in task["status"]["runningInstancesInfo"]["perRunningInstanceInfo"]:
        assert one["activeForwards"] == one["vpnConnections"] == []


def test_every_invalid_field_is_named_with_what_is_allowed(alice: httpx2.Client):
    bad = {
        "name": "",
        "profile": "docker-batch",
        "instanceCount": 5000,
        "shortname": "-x-",
        "tags": ["t"] * 12,
        "constants": [{"key": "a b", "value": 1}],
        "resultsWhitelist": "(",
        "jobUuid": "5b0b0e2e-0000-4000-8000-000000000000",
        "forcedConstants": [{"constantName": "A B", "forcedValue": "1"}],
        "forcedNetworkRules": [{"inbound": True, "proto": "tcp"}],
        "hardwareConstraints": [{"discriminator": "GpuHardwareConstraint"}],
        "secretsAccessRights": {"bySecret": [{"key": ""}]},
        "maxTimeQueueSeconds": -1,
        "dependencies": {"dependsOn": ["5b0b0e2e-0000-4000-8000-000000000000"]},
        "schedulingType": "Reserved",
        "completionTimeToLive": "soon",
        "labels": {"ondol.service": "soon", "ondol.deadlin": "+1h", "ondol.expected": "-1", "ondol.resumable": "maybe"},
    }
    answer = alice.post("/tasks", json=bad)
    assert answer.status_code == 400
    said = message(answer)
    assert said.startswith("Invalid task file. Invalid fields: name, ")
    for field in (
        *("instanceCount", "shortname", "tags", "constants.key", "resultsWhitelist", "jobUuid", "forcedConstants"),
        *("forcedNetworkRules", "dependencies", "schedulingType", "completionTimeToLive", "labels.ondol.service"),
        *("hardwareConstraints", "secretsAccessRights.bySecret", "maxTimeQueueSeconds"),
        *("labels.ondol.deadlin", "labels.ondol.expected", "labels.ondol.resumable"),
    ):
        assert field in said.partition(". name")[0], field
    assert "one of on_demand, flex, harvest, filler" in said
    nested = message(alice.post("/tasks", json=GOOD | {"labels": {"a": [1]}}))
    assert "Invalid fields: labels.a" in nested
    typed = message(alice.post("/tasks", json=GOOD | {"instanceCount": "many", "tags": "x"}))
    assert "Invalid fields: instanceCount, tags" in typed
    assert "Invalid fields: profile" in message(alice.post("/tasks", json=GOOD | {"profile": "none"}))


def test_shortnames_are_unique_and_no_route(alice: httpx2.Client, bob: httpx2.Client):
    uuid = create(alice, shortname="mine")
    assert alice.get("/tasks/mine").json()["uuid"] == uuid
    assert "shortname-uniqueness" in message(alice.post("/tasks", json=GOOD | {"shortname": "mine"}))
    twice = alice.post("/tasks", json=[GOOD | {"shortname": "two"}, GOOD | {"shortname": "two"}])
    assert [one["statusCode"] for one in twice.json()] == [200, 400]
    assert alice.post("/tasks", json=GOOD | {"shortname": "summaries"}).status_code == 400
    assert create(bob, shortname="mine") != uuid


def test_bulk_answers_in_order(alice: httpx2.Client):
    bad = GOOD | {"profile": "none"}
    good = alice.post("/tasks", json=[GOOD, GOOD])
    assert (good.status_code, [one["statusCode"] for one in good.json()]) == (200, [200, 200])
    mixed = alice.post("/tasks", json=[bad, GOOD, GOOD | {"resultBucket": "gone"}])
    assert mixed.status_code == 207
    assert [one["statusCode"] for one in mixed.json()] == [400, 200, 404]
    assert mixed.json()[2]["message"] == "No such bucket: gone"
    assert alice.post("/tasks", json=[bad, bad]).status_code == 400
    assert alice.post("/tasks", json=[]).json() == []


def test_lists_by_tag_search_filters_and_orders(alice: httpx2.Client):
    for row in range(6):
        create(alice, name=f"n{5 - row}", tags=["a" if row < 2 else "b"])
    assert len(alice.get("/tasks?tag=a&tag=zz").json()) == 2
    assert len(alice.get("/tasks/summaries?tag=a,b").json()) == 6
    assert "constants" not in alice.get("/tasks/summaries").json()[0]
    leaf = {"operator": "Like", "field": "Name", "value": "^n[01]"}
    wrapped = {"operator": "And", "filters": [leaf, {"operator": "NotIn", "field": "Tags", "values": ["a"]}]}
    found = alice.post("/tasks/search", json={"select": {"fields": ["Name", "uuid"]}, "filter": wrapped}).json()
    assert [sorted(one) for one in found] == [["name", "uuid"]] * 2
    order = {"orderBy": "Name", "orderType": "ASC", "maximumResults": 4}
    first = alice.post("/tasks/summaries/paginate", json=order).json()
    rest = alice.post("/tasks/summaries/paginate", json=order | {"token": first["nextToken"]}).json()
    assert [one["name"] for one in first["data"] + rest["data"]] == [f"n{row}" for row in range(6)]
    assert not rest["isTruncated"]
    for wrong in (
        {"filter": {"operator": "Near", "field": "Name", "value": "x"}},
        {"filter": {"operator": "Equal", "field": "Colour", "value": "x"}},
        {"filter": {"operator": "Like", "field": "Name", "value": "(a+)+$"}},
        {"filter": {"operator": "LessThan", "field": "CreationDate", "value": "soon"}},
        {"orderBy": "colour"},
        {"orderBy": "name", "token": "at:²"},
        {"maximumResults": -1},
    ):
        assert alice.post("/tasks/paginate", json=wrong).status_code == 400, wrong


def test_output_by_instance_is_plain_text(alice: httpx2.Client, desk: Any):
    uuid = create(alice)
    desk.say(uuid, "é\n", stream="stderr")
    answer = alice.get(f"/tasks/{uuid}/stderr/0")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "é\n"
    assert alice.post(f"/tasks/{uuid}/stderr").text == "é\n"
    assert alice.post(f"/tasks/{uuid}/stderr").text == ""
    for number in ("1", "-1", "x", "9" * 30):
        assert alice.get(f"/tasks/{uuid}/stdout/{number}").status_code == 404


def test_what_is_not_offered_says_so_and_is_never_retried(alice: httpx2.Client):
    uuid = create(alice)
    for path in ("/tasks/force", f"/tasks/{uuid}/restart"):
        answer = alice.post(path, json={})
        assert answer.status_code == 501, path
        assert "not offered yet" in message(answer)
    for path in ("/pools/x", "/pools/x/close", "/jobs/x", "/jobs/x/terminate", "/carbon/v1/pools/x/carbon-facts"):
        assert 404 in (alice.get(path).status_code, alice.post(path).status_code)
    forbidden = alice.post("/tasks", json=GOOD | {"constraints": [{"key": "a", "value": "b"}]})
    assert (forbidden.status_code, "administrator" in message(forbidden)) == (403, True)


def test_tenants_do_not_see_each_other(alice: httpx2.Client, bob: httpx2.Client):
    uuid = create(alice, shortname="hers")
    for key in (uuid, "hers"):
        for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/abort"), ("GET", "/stdout")):
            assert bob.request(method, f"/tasks/{key}{path}", json={}).status_code == 404
    assert bob.get("/tasks").json() == []
    assert alice.get(f"/tasks/{uuid}").status_code == 200


def test_openapi_describes_every_route(alice: httpx2.Client):
    schema = alice.get("/openapi.json").json()
    assert "TaskCreation" in schema["components"]["schemas"]
    assert "advancedResourceBuckets" in schema["components"]["schemas"]["TaskCreation"]["properties"]
    refs = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schema)))
    assert refs <= schema["components"]["schemas"].keys()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
