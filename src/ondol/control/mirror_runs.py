"""How far tasks had come before the window of a mirror: what they ran until then, and what kept them from it."""

from __future__ import annotations

import datetime as dt

from ondol.accounting.waiting import Run
from ondol.model.ledger import Share, WorkFact
from ondol.storage.ports import Store


def run_before(store: Store, since: dt.datetime | None, work: WorkFact, first_s: float) -> Run:
    """Give a task's run as it stood when a window of it began.

    As budgets count it: from when what it depends on was done, as far as those tasks are still there, and without the
    windows in which it ran before. Unlike there, time that a budget held it is waiting.

    Parameters
    ----------
    since : where the mirror begins; None where it has all rows
    first_s : begin of the first window of the task that the mirror has [s since the epoch]
    """
    run = Run(work.submitted_at.timestamp())
    if run.late_s(first_s) == 0.0:
        return run
    task = store.task(work.task_id)
    ends = [] if task is None else [store.task(one.task_id) for one in task.dependencies]
    for end in ends:
        if end is not None and end.state.final:
            run = Run(max(run.ready_s, min(end.ended_at.timestamp(), first_s)))
    if since is not None and work.submitted_at < since:
        rows = store.energy(task_id=work.task_id, end=since)
        windows = {(row.start.timestamp(), row.end.timestamp()) for row in rows if row.share is Share.JOB}
        for start_s, end_s in sorted(windows):
            run = run.after(start_s, end_s)
    return run
