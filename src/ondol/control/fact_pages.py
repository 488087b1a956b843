"""Facts of tasks and attempts out of a store, which gives them page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from ondol.model.ids import TaskId
from ondol.model.ledger import AttemptFact, WorkFact
from ondol.storage.ledger_ports import PAGE
from ondol.storage.ports import Store


def all_work_facts(store: Store, **fits: str) -> tuple[WorkFact, ...]:
    """Every work fact that fits: `account_id`, `project_id`, `job_id`, `pool_id`; by task id."""
    found: list[WorkFact] = []
    after = ""
    while True:
        page = store.work_facts(**fits, after=after, limit=PAGE)  # type: ignore[arg-type]  # ids are texts
        found += page
        if len(page) < PAGE:
            return tuple(found)
        after = page[-1].task_id


def work_facts_of(store: Store, tasks: Sequence[str]) -> Iterator[WorkFact]:
    """Facts of some tasks."""
    for part in _parts(tasks):
        yield from store.work_facts(task_ids=part, limit=PAGE)


def attempt_facts_of(store: Store, tasks: Sequence[str]) -> Iterator[AttemptFact]:
    """Ends of all attempts of some tasks."""
    for part in _parts(tasks):
        yield from _attempt_facts(store, part, None, None)


def attempt_facts_between(store: Store, start: dt.datetime | None, end: dt.datetime | None) -> Iterator[AttemptFact]:
    """Ends of all attempts that ended in [start, end); from ever and for ever where None."""
    return _attempt_facts(store, None, start, end)


def _attempt_facts(
    store: Store, tasks: Sequence[TaskId] | None, start: dt.datetime | None, end: dt.datetime | None
) -> Iterator[AttemptFact]:
    after = ""
    while True:
        page = store.attempt_facts(tasks, start=start, end=end, after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].attempt_id


def _parts(tasks: Sequence[str]) -> Iterator[list[TaskId]]:
    for first in range(0, len(tasks), PAGE):
        yield [TaskId(key) for key in tasks[first : first + PAGE]]
