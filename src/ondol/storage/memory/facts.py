"""The ledger's facts in memory: meters, works, ends of attempts."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Collection, Iterator

from ondol.model.ids import AccountId, AttemptId, JobId, PoolId, ProjectId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, LedgerFact, Metered, MeterRow, WorkFact
from ondol.storage.ledger_ports import PAGE


class MemoryFacts:
    """The facts' part of a store in memory."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._works: dict[TaskId, WorkFact] = {}
        self._ends: dict[AttemptId, AttemptFact] = {}
        self._meters: dict[tuple[str, str, str, dt.datetime], MeterRow] = {}

    def keep_facts(self, facts: Collection[LedgerFact]) -> None:
        """Add facts whose key is new."""
        with self._lock:
            for fact in facts:
                if isinstance(fact, WorkFact):
                    self._works.setdefault(fact.task_id, fact)
                elif isinstance(fact, AttemptFact):
                    self._ends.setdefault(fact.attempt_id, fact)
                else:
                    self._meters.setdefault((fact.site_id, fact.meter_id, fact.kind.value, fact.start), fact)

    def work_facts(
        self,
        *,
        task_ids: Collection[TaskId] | None = None,
        account_id: AccountId | None = None,
        project_id: ProjectId | None = None,
        job_id: JobId | None = None,
        pool_id: PoolId | None = None,
        after: str = "",
        limit: int = PAGE,
    ) -> tuple[WorkFact, ...]:
        with self._lock:
            rows = [fact for _, fact in sorted(self._works.items())]
        wanted = None if task_ids is None else frozenset(task_ids)
        fitting = (
            fact
            for fact in rows
            if fact.task_id > after
            and (wanted is None or fact.task_id in wanted)
            and account_id in (None, fact.account_id)
            and project_id in (None, fact.project_id)
            and job_id in (None, fact.job_id)
            and pool_id in (None, fact.pool_id, fact.holds_pool)
        )
        return tuple(itertools.islice(fitting, limit))

    def attempt_facts(
        self,
        task_ids: Collection[TaskId] | None = None,
        *,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: str = "",
        limit: int = PAGE,
    ) -> tuple[AttemptFact, ...]:
        with self._lock:
            rows = [fact for _, fact in sorted(self._ends.items())]
        wanted = None if task_ids is None else frozenset(task_ids)
        fitting = (
            fact
            for fact in rows
            if fact.attempt_id > after
            and (wanted is None or fact.task_id in wanted)
            and (start is None or fact.ended_at >= start)
            and (end is None or fact.ended_at < end)
        )
        return tuple(itertools.islice(fitting, limit))

    def meters(
        self,
        *,
        site_id: SiteId | None = None,
        kind: Metered | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[MeterRow]:
        with self._lock:
            rows = [row for _, row in sorted(self._meters.items())]
        fitting = (
            row
            for row in rows
            if site_id in (None, row.site_id)
            and kind in (None, row.kind)
            and (start is None or row.start >= start)
            and (end is None or row.start < end)
        )
        yield from itertools.islice(fitting, offset, None if limit is None else offset + limit)
