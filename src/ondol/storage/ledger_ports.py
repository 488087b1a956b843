"""The port of the ledger's facts: what meters counted, whose work rows are of, and how attempts ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Protocol

from ondol.model.ids import AccountId, JobId, PoolId, ProjectId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, Metered, MeterRow, WorkFact

PAGE = 1000  # rows of a page unless asked otherwise


class FactStore(Protocol):
    """The ledger's part of the store beside its energy and heat rows; written by `commit`, never changed.

    A fact that is written again under the same key is passed over: the first one stays, so nothing counts twice.
    """

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
        """Whose work tasks were, by task id beyond `after`; all that is given must fit.

        Parameters
        ----------
        pool_id : those that ran in a compute pool, and those that hold its slots
        """
        ...

    def attempt_facts(
        self,
        task_ids: Collection[TaskId] | None = None,
        *,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: str = "",
        limit: int = PAGE,
    ) -> tuple[AttemptFact, ...]:
        """How attempts ended, by attempt id beyond `after`; of some tasks, and those that ended in [start, end)."""
        ...

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
        """What meters counted, by site, meter and time; windows that begin in [start, end)."""
        ...
