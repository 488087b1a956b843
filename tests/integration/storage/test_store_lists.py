"""Given any store with many rows, when they are listed, then the rows asked for come in order, page by page."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from integration.storage.samples import ALICE, BOB, NOON, make_job, make_pool, make_task
from ondol.model.compute import Task, TaskState
from ondol.model.errors import NotFoundError
from ondol.model.ids import JobId, PoolId
from ondol.model.job import JobState
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Changes, Store
from ondol.storage.sql.store import SqlStore

JOB, POOL = JobId("j"), PoolId("p")
NAMES = (
    "",
    "a",
    "A",
    "ab",
    "a%",
    "a_",
    "ä",
    "☀",
    "a\U0010ffff",
    "a\U0010ffffb",
    "\ud7ff",
    "\ue000",
    "\U0001f525x",
    "~",
)
STATES = (TaskState.SUBMITTED, TaskState.SUCCESS, TaskState.FAILURE, TaskState.FULLY_EXECUTING)


def many_tasks(number: int = 120) -> list[Task]:
    chance = random.Random(7)
    return [
        make_task(
            n,
            ALICE if chance.random() < 0.9 else BOB,
            name=chance.choice(NAMES),
            state=chance.choice(STATES),
            tags=tuple(chance.sample(("r", "s", "t", "☀"), chance.randint(0, 3))),
            job_id=chance.choice((JobId(""), JOB)),
            pool_id=chance.choice((PoolId(""), PoolId(""), POOL)),
            holds_pool=chance.choice((PoolId(""), PoolId(""), PoolId(""), POOL)),
            created_at=NOON + dt.timedelta(seconds=chance.randint(0, 20)),
        )
        for n in range(number)
    ]


def expected(tasks: list[Task], query: Query) -> list[Task]:
    """What a query asks for, said once more and otherwise than in the stores."""
    keep = [t for t in tasks if t.account_id == ALICE and bool(t.holds_pool) is query.holders]
    tests: list[tuple[bool, Callable[[Task], bool]]] = [
        (bool(query.tags), lambda t: any(tag in t.tags for tag in query.tags)),
        (bool(query.states), lambda t: t.state.value in query.states),
        (bool(query.name), lambda t: t.name == query.name),
        (bool(query.name_prefix), lambda t: t.name[: len(query.name_prefix)] == query.name_prefix),
        (query.created_from is not None, lambda t: t.created_at >= (query.created_from or NOON)),
        (query.created_before is not None, lambda t: t.created_at < (query.created_before or NOON)),
        (query.job_id is not None, lambda t: t.job_id == query.job_id),
        (query.pool_id is not None, lambda t: (t.pool_id or t.holds_pool) == query.pool_id),
    ]
    for asked, test in tests:
        keep = [t for t in keep if not asked or test(t)]
    first = {"created": lambda _: "", "name": lambda t: t.name, "state": lambda t: t.state.value}[query.order]
    return sorted(keep, key=lambda t: (first(t), t.created_at, t.id), reverse=not query.rising)


def every_page(fetch: Callable[[str], Page[Task]]) -> list[Task]:
    seen: list[Task] = []
    token = ""
    for _ in range(1000):
        page = fetch(token)
        seen += page.rows
        token = page.next_token
        if not token:
            return seen
        assert page.rows
    raise AssertionError("pages without end")


def any_query(chance: random.Random) -> Query:
    def maybe(share: float, value: object, otherwise: object) -> object:
        return value if chance.random() < share else otherwise

    return Query(
        tags=maybe(0.3, tuple(chance.choices(("r", "s", "t", "☀", "none"), k=chance.randint(1, 3))), ()),
        states=maybe(0.3, tuple(chance.choices([s.value for s in STATES], k=chance.randint(1, 3))), ()),
        name=maybe(0.1, chance.choice(NAMES), ""),
        name_prefix=maybe(0.2, chance.choice(NAMES), ""),
        created_from=maybe(0.2, NOON + dt.timedelta(seconds=5), None),
        created_before=maybe(0.2, NOON + dt.timedelta(seconds=15), None),
        job_id=maybe(0.2, chance.choice((JOB, JobId(""), JobId("other"))), None),
        pool_id=maybe(0.2, chance.choice((POOL, PoolId(""))), None),
        order=chance.choice(("created", "name", "state")),
        rising=chance.random() < 0.5,
        holders=chance.random() < 0.2,
    )


def test_any_query_gives_what_it_asks_for_in_any_pages(store: Store) -> None:
    tasks = many_tasks()
    store.commit(Changes(tasks=tuple(tasks)))
    chance = random.Random(11)
    queries = [EVERY, *(any_query(chance) for _ in range(60))]
    for query in queries:
        limit = chance.choice((1, 3, 10, 200))
        given = every_page(lambda token, q=query, n=limit: store.tasks(ALICE, q, token=token, limit=n))
        assert [(t.name, t.id) for t in given] == [(t.name, t.id) for t in expected(tasks, query)], query


def test_holders_are_hidden_unless_asked_for(store: Store) -> None:
    mine, holder = make_task(1), make_task(2, holds_pool=POOL)
    store.commit(Changes(tasks=(mine, holder)))
    assert store.tasks(ALICE).rows == (mine,)
    assert store.tasks(ALICE, Query(holders=True)).rows == (holder,)
    assert store.tasks(ALICE, Query(holders=True, pool_id=POOL)).rows == (holder,)
    assert store.open_tasks() == (mine, holder)


def test_pages_go_on_where_they_were_although_rows_come_and_go(store: Store) -> None:
    tasks = [make_task(n) for n in range(30)]
    store.commit(Changes(tasks=tuple(tasks)))
    first = store.tasks(ALICE, limit=10)
    store.commit(Changes(tasks=(make_task(100),), deleted_tasks=(first.rows[-1].id, first.rows[0].id)))
    second = store.tasks(ALICE, token=first.next_token, limit=10)
    assert [t.id for t in second.rows] == [t.id for t in tasks[19:9:-1]]


def test_changed_tags_and_names_are_found_at_once(store: Store) -> None:
    task = make_task(1, tags=("a", "b"))
    store.commit(Changes(tasks=(task,)))
    changed = dataclasses.replace(task, tags=("b", "c"), name="other", state=TaskState.SUCCESS)
    store.commit(Changes(tasks=(changed,)))
    for query, found in (
        (Query(tags=("a",)), ()),
        (Query(tags=("c", "a")), (changed,)),
        (Query(name=task.name), ()),
        (Query(name_prefix="oth"), (changed,)),
        (Query(states=("Submitted",)), ()),
        (Query(states=("Success", "Failure")), (changed,)),
    ):
        assert store.tasks(ALICE, query).rows == found, query
    store.commit(Changes(deleted_tasks=(task.id,)))
    assert store.tasks(ALICE, Query(tags=("b", "c"))).rows == ()


def test_jobs_and_pools_are_listed_alike(store: Store) -> None:
    jobs = [make_job(n, pool_id=POOL if n % 2 else PoolId(""), tags=("even",) if n % 2 == 0 else ()) for n in range(6)]
    pools = [make_pool(n) for n in range(3)]
    done = dataclasses.replace(jobs[5], state=JobState.COMPLETED)
    store.commit(Changes(jobs=(*jobs[:5], done), pools=tuple(pools)))
    assert store.jobs(ALICE).rows == (done, *jobs[4::-1])
    assert store.jobs(ALICE, Query(pool_id=POOL)).rows == (done, jobs[3], jobs[1])
    assert store.jobs(ALICE, Query(tags=("even",), rising=True)).rows == (jobs[0], jobs[2], jobs[4])
    assert store.jobs(ALICE, Query(states=("Completed",))).rows == (done,)
    first = store.jobs(ALICE, Query(order="name"), limit=4)
    rest = store.jobs(ALICE, Query(order="name"), limit=4, token=first.next_token)
    assert [job.name for job in (*first.rows, *rest.rows)] == [f"job {n}" for n in range(5, -1, -1)]
    assert store.jobs(ALICE, Query(job_id=JOB)).rows == ()
    assert store.jobs(BOB).rows == ()
    assert store.pools(ALICE, Query(tags=("z",))).rows == tuple(pools[::-1])
    assert store.pools(ALICE, Query(holders=True)).rows == ()


@pytest.mark.parametrize(
    "token", ["²", "1" * 30, "-" + "9" * 40, "WzEsMl0", "bm8", "a" * 9000, "W10", "WyJjcmVhdGVkIixmYWxzZSxbMSwyXV0"]
)
def test_a_strange_token_is_not_found(store: Store, token: str) -> None:
    with pytest.raises(NotFoundError, match="page"):
        store.tasks(ALICE, token=token)


def test_a_token_is_of_its_order_only(store: Store) -> None:
    store.commit(Changes(tasks=tuple(make_task(n) for n in range(3))))
    token = store.tasks(ALICE, limit=1).next_token
    for query in (Query(order="name"), Query(rising=True)):
        with pytest.raises(NotFoundError, match="page"):
            store.tasks(ALICE, query, token=token)


@pytest.mark.parametrize(
    "query",
    [
        EVERY,
        Query(rising=True),
        Query(order="name"),
        Query(order="state", rising=True),
        Query(tags=("r", "s")),
        Query(states=("Submitted", "Success")),
        Query(job_id=JOB),
        Query(pool_id=POOL),
        Query(name="a"),
        Query(created_from=NOON, created_before=NOON + dt.timedelta(seconds=9)),
    ],
    ids=str,
)
def test_sqlite_walks_an_index_and_sorts_nothing(query: Query, tmp_path: Path) -> None:
    """Given the query, when SQLite plans each of its statements, then it neither scans a table nor sorts rows."""
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    store.commit(Changes(tasks=tuple(many_tasks())))
    plans: list[str] = []

    def explain(connection: sa.Connection, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            plans.extend(row[3] for row in rows)

    sa.event.listen(store._database._engine, "before_cursor_execute", explain)
    first = store.tasks(ALICE, query, limit=2)
    if first.next_token:
        store.tasks(ALICE, query, token=first.next_token, limit=2)
    store.close()
    assert plans
    assert [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan] == []
