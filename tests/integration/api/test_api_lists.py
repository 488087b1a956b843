"""Lists of tasks: what storage decides and what is decided by row say the same; pages never repeat nor skip."""

from __future__ import annotations

import random
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.api.memory_desk import ALICE, MemoryDesk
from ondol.model.compute import Task, TaskState
from ondol.model.ids import AccountId, JobId, TaskId
from ondol.server.api.filters import read_filter
from ondol.server.api.pages import every_task
from ondol.server.api.push_down import pushed_down
from ondol.storage.pages import Query
from ondol.storage.ports import Changes

ALICE_ID = AccountId("alice")
JOB = JobId("22222222-2222-4222-8222-222222222222")
STATES = (TaskState.SUBMITTED, TaskState.SUCCESS, TaskState.FAILURE)


def make(desk: MemoryDesk, number: int) -> Task:
    at = desk.platform_time()
    return Task(
        id=TaskId(f"{number:08d}-0000-4000-8000-000000000000"),
        account_id=ALICE_ID,
        name=f"n{number % 7} x",
        profile="docker-batch",
        constants={"DOCKER_CMD": "true"},
        tags=(f"t{number % 3}", "all"),
        job_id=JOB if number % 2 else JobId(""),
        state=STATES[number % 3],
        created_at=at,
        modified_at=at,
        state_since=at,
    )


def fill(desk: MemoryDesk, number: int) -> list[Task]:
    tasks = [make(desk, row) for row in range(number)]
    desk.store.commit(Changes(tasks=tuple(tasks)))
    return tasks


def walk(client: httpx2.Client, body: dict[str, Any], most: int = 200) -> list[str]:
    """Names of tasks over all pages."""
    found: list[str] = []
    token = None
    for _ in range(most):
        page = client.post("/tasks/summaries/paginate", json=body | {"token": token}).json()
        assert page["count"] == len(page["data"])
        found += [one["uuid"] for one in page["data"]]
        token = page["nextToken"]
        assert page["isTruncated"] is (token is not None)
        if token is None:
            return found
    raise AssertionError("pages without end")


LEAF = st.one_of(
    st.builds(
        lambda word, tags: {"operator": word, "field": "Tags", "value": tags[0] if word == "Equal" else tags},
        st.sampled_from(["Equal", "In", "NotIn"]),
        st.lists(st.sampled_from(["t0", "t1", "t2", "all", "none"]), min_size=1, max_size=3),
    ),
    st.builds(
        lambda word, state: {"Operator": word, "Field": "State", "Value": state},
        st.sampled_from(["Equal", "NotEqual"]),
        st.sampled_from(["Submitted", "Success", "Failure", "Nonsense"]),
    ),
    st.builds(
        lambda word, name: {"operator": word, "field": "name", "value": name},
        st.sampled_from(["Equal", "Like"]),
        st.sampled_from(["n1 x", "^n1", "^n1.*", "n[12]", "^n1 x$", "x$", ""]),
    ),
    st.builds(
        lambda word, second: {"operator": word, "field": "CreationDate", "value": f"2026-01-12T00:00:00.{second:06d}Z"},
        st.sampled_from(["LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual", "Equal"]),
        st.integers(0, 130),
    ),
    st.builds(
        lambda word, job: {"operator": word, "field": "JobUuid", "value": job},
        st.sampled_from(["Equal", "NotEqual"]),
        st.sampled_from([JOB, None, "00000000-0000-0000-0000-000000000000", "x"]),
    ),
)
FILTER = st.recursive(
    LEAF,
    lambda parts: st.builds(
        lambda word, filters: {"operator": word, "filters": filters},
        st.sampled_from(["And", "Or", "and"]),
        st.lists(parts, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(rule=FILTER)
def test_what_storage_decides_and_what_is_left_is_the_whole_filter(
    rule: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
):
    desk = MemoryDesk(tmp_path_factory.mktemp("desk"))
    tasks = fill(desk, 60)
    keep = read_filter(rule)
    assert keep is not None
    query, left = pushed_down(rule)
    found = {task.id for task in every_task(desk, ALICE_ID, query, left)}
    assert found == {task.id for task in tasks if keep(task)}


def test_common_filters_are_left_to_storage_alone():
    rule = {
        "operator": "And",
        "filters": [
            {"operator": "In", "field": "Tags", "Values": ["a", "b"]},
            {"operator": "Like", "field": "Name", "value": "^run-"},
            {"operator": "And", "filters": [{"operator": "Equal", "field": "State", "value": "Success"}]},
            {"operator": "LessThan", "field": "CreationDate", "value": "2026-01-12T00:00:00Z"},
            {"operator": "Equal", "field": "JobUuid", "value": JOB},
        ],
    }
    query, left = pushed_down(rule)
    assert left is None
    assert (query.tags, query.name_prefix, query.states, query.job_id) == (("a", "b"), "run-", ("Success",), JOB)


@pytest.mark.parametrize("order", ["", "creationDate", "name", "state", "executionTime"])
@pytest.mark.parametrize("way", ["ASC", "DESC"])
def test_pages_neither_repeat_nor_skip(alice: httpx2.Client, desk: MemoryDesk, order: str, way: str):
    tasks = fill(desk, 103)
    rare = {"operator": "Like", "field": "Name", "value": "[13]"}
    for size in (1, 7, 50):
        for rule, wanted in (
            (None, tasks),
            ({"operator": "Equal", "field": "Tags", "value": "t1"}, [one for one in tasks if "t1" in one.tags]),
            (rare, [one for one in tasks if one.name[1] in "13"]),
        ):
            if size == 1 and rule is None:
                continue
            found = walk(alice, {"filter": rule, "maximumResults": size, "orderBy": order, "orderType": way})
            assert sorted(found) == sorted(one.id for one in wanted)
            if order == "name":
                names = [desk.store.task(TaskId(uuid)).name for uuid in found]  # type: ignore[union-attr]
                assert names == sorted(names, reverse=way == "DESC")


def test_pages_hold_while_tasks_come_and_go(alice: httpx2.Client, desk: MemoryDesk):
    """What was there all the time is given exactly once, whatever comes before or is deleted meanwhile."""
    tasks = fill(desk, 200)
    rng = random.Random(7)
    kept = {one.id for one in tasks if one.name.startswith("n3")}
    gone: set[str] = set()
    found: list[str] = []
    token, extra = None, 1000
    while True:
        rule = {"operator": "Like", "field": "Name", "value": "n3"}
        page = alice.post("/tasks/paginate", json={"filter": rule, "maximumResults": 4, "token": token}).json()
        found += [one["uuid"] for one in page["data"]]
        token = page["nextToken"]
        if token is None:
            break
        victims = rng.sample([one.id for one in tasks if one.id not in gone], 5)
        gone.update(victims)
        desk.store.commit(Changes(deleted_tasks=tuple(TaskId(one) for one in victims), tasks=(make(desk, extra),)))
        extra += 1
    assert len(found) == len(set(found))
    assert kept - gone <= set(found) <= kept


def test_strange_tokens_and_orders_are_refused(alice: httpx2.Client, desk: MemoryDesk):
    fill(desk, 5)
    for body in (
        {"token": "nonsense"},
        {"token": "at:x", "orderBy": "executionTime"},
        {"token": "9" * 5000},
        {"orderBy": "colour"},
        {"maximumResults": -1},
        {"filter": {"operator": "In", "field": "Tags", "value": ["x"] * 5000}},
        {"filter": {"operator": "LessThan", "field": "CreationDate", "value": [1, 2]}},
        {"filter": {"operator": "Like", "field": "Name", "value": "(a+)+$"}},
        {"filter": {"operator": "And", "filters": 7}},
        {"filter": {"operator": "Equal", "field": "Name", "value": {"a": 1}}},
    ):
        assert alice.post("/tasks/paginate", json=body).status_code == 400, body


def test_lists_hold_every_task(alice: httpx2.Client, desk: MemoryDesk):
    fill(desk, 1203)
    assert len(alice.get("/tasks/summaries").json()) == 1203
    assert len(alice.get("/tasks?tag=t0,t1&tag=t2").json()) == 1203
    assert len(alice.get("/tasks?tag=t0").json()) == 401
    fields = {"select": {"fields": ["Uuid", "NAME"]}, "filter": None, "maximumResults": 3}
    assert [set(one) for one in alice.post("/tasks/search", json=fields).json()] == [{"uuid", "name"}] * 3


def test_one_page_costs_the_same_whatever_is_stored(tmp_path_factory: pytest.TempPathFactory):
    """Rows that are read for a page are counted, not timed: the clock of a shared machine says little."""
    desk = MemoryDesk(tmp_path_factory.mktemp("desk"))
    fill(desk, 5000)
    read: list[int] = []
    inner = desk.store.tasks

    def tasks(account_id: AccountId, query: Query, *, token: str = "", limit: int = 100) -> Any:
        page = inner(account_id, query, token=token, limit=limit)
        read.append(len(page.rows))
        return page

    desk.store.tasks = tasks  # type: ignore[method-assign]
    from integration.api.conftest import serve

    with serve(desk) as url, httpx2.Client(base_url=url, headers={"Authorization": ALICE}, timeout=30) as client:
        for body in (
            {},
            {"filter": {"operator": "Equal", "field": "Tags", "value": "t1"}},
            {"filter": {"operator": "Equal", "field": "State", "value": "Failure"}, "orderBy": "name"},
        ):
            read.clear()
            assert client.post("/tasks/summaries/paginate", json=body | {"maximumResults": 20}).json()["count"] == 20
            assert sum(read) <= 20
