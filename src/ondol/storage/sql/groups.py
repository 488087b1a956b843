"""Jobs, compute pools and counts in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.model.ids import AccountId, JobId, PoolId
from ondol.model.job import Job
from ondol.model.pool import ComputePool
from ondol.storage.pages import EVERY, Counts, Page, Query
from ondol.storage.rows import decode
from ondol.storage.sql import account_tables, tables
from ondol.storage.sql.database import Database
from ondol.storage.sql.listing import page


class SqlGroups:
    """The jobs' and pools' part of the store."""

    _database: Database

    def job(self, job_id: JobId) -> Job | None:
        return self._database.noun(tables.job, Job, id=job_id)

    def job_by_shortname(self, account_id: AccountId, shortname: str) -> Job | None:
        return self._database.noun(tables.job, Job, account_id=account_id, shortname=shortname)

    def jobs(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]:
        with self._database.reading() as connection:
            bodies, following = page(connection, tables.job, account_id, query, token, limit)
        return Page(tuple(decode(body, Job) for body in bodies), following)

    def open_jobs(self) -> tuple[Job, ...]:
        t = tables.job.c
        return self._database.decoded(sa.select(t.body).where(t.open).order_by(t.id), Job)

    def pool(self, pool_id: PoolId) -> ComputePool | None:
        return self._database.noun(tables.pool, ComputePool, id=pool_id)

    def pool_by_shortname(self, account_id: AccountId, shortname: str) -> ComputePool | None:
        return self._database.noun(tables.pool, ComputePool, account_id=account_id, shortname=shortname)

    def pools(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]:
        with self._database.reading() as connection:
            bodies, following = page(connection, tables.pool, account_id, query, token, limit)
        return Page(tuple(decode(body, ComputePool) for body in bodies), following)

    def open_pools(self) -> tuple[ComputePool, ...]:
        t = tables.pool.c
        return self._database.decoded(sa.select(t.body).where(t.open).order_by(t.id), ComputePool)

    def counts(self, account_id: AccountId) -> Counts:
        t, b = tables.tally.c, account_tables.bucket.c
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(t.kind, t.stored, t.live).where(t.account_id == account_id)).all()
            buckets = connection.execute(sa.select(sa.func.count()).where(b.account_id == account_id)).scalar_one()
        found = {kind: (stored, live) for kind, stored, live in rows}
        tasks, jobs, pools = (found.get(kind, (0, 0)) for kind in ("task", "job", "pool"))
        return Counts(
            tasks=tasks[0],
            open_tasks=tasks[1],
            jobs=jobs[0],
            pools=pools[0],
            open_pools=pools[1],
            buckets=buckets,
        )
