"""Does everything agree? Tasks, instances, attempts and joules, told by storage and by the ledger."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from dataclasses import dataclass

from ondol.accounting.conservation import check, worst_residual
from ondol.control.statement import tasks_of
from ondol.lifecycle.work import Work, validate
from ondol.model.compute import Attempt, Task
from ondol.model.errors import ConflictError
from ondol.model.ids import AttemptId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact
from ondol.storage.ports import Store

_CPU_TOLERANCE_S = 1e-6
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was counted, and every disagreement in words."""

    tasks: int
    instances: int
    attempts: int
    ledger_rows: int
    energy_j: float
    worst_residual: float
    findings: tuple[str, ...]


def audit(store: Store) -> Audit:
    """Count everything twice: once by task, once by ledger row.

    Checked: the lifecycle's invariants for every task; the CPU seconds of each ended attempt against the sum of its
    ledger rows; that windows of a node tile time; that shares sum to what the units took; that whose work every task is
    and how every attempt ended stands in the ledger, as the attempt itself says.

    A platform may go on meanwhile: what is held against something else is read before that, so that nothing is missed
    there which was only written later.
    """
    findings: list[str] = []
    tasks = tasks_of(store, [account.id for account in store.accounts()])
    read = [_read(store, task) for task in tasks]
    works, ends = _facts(store)
    heat = list(store.heat())
    energy = list(store.energy())
    by_attempt: dict[AttemptId, list[float]] = defaultdict(list)
    for row in energy:
        if row.attempt_id is not None:
            by_attempt[row.attempt_id].append(row.cpu_s)
    instances = attempts = 0
    noted_since = min((end.ended_at for end in ends.values()), default=None)  # earlier releases noted no ends
    for work in read:
        task = work.task
        try:
            validate(work)
        except ConflictError as error:
            findings.append(str(error))
        if task.id not in works:
            findings.append(f"whose work task {task.id} is does not stand in the ledger")
        instances += len(work.instances)
        for tries in work.attempts.values():
            attempts += len(tries)
            for attempt in tries:
                fact, now = ends.get(attempt.id), attempt
                if fact is not None and not attempt.state.final:  # it may have ended since it was read
                    now = next((one for one in store.attempts(task.id) if one.id == attempt.id), attempt)
                findings += _end_of(now, fact, noted_since)
                metered_s = math.fsum(by_attempt.pop(attempt.id, []))
                if attempt.state.final and abs(metered_s - attempt.cpu_s) > _CPU_TOLERANCE_S:
                    findings.append(
                        f"attempt {attempt.id} used {attempt.cpu_s:.6f} CPU s, its ledger rows say {metered_s:.6f}"
                    )
    findings += [f"{found.kind} {found.subject}: {found.detail}" for found in check([*energy, *heat])]
    return Audit(
        tasks=len(tasks),
        instances=instances,
        attempts=attempts,
        ledger_rows=len(energy) + len(heat),
        energy_j=math.fsum(row.energy_j for row in energy),
        worst_residual=worst_residual([*energy, *heat]),
        findings=tuple(findings),
    )


def _read(store: Store, task: Task) -> Work:
    """A task with its instances and attempts, all of one moment: its row is the same before and after."""
    for _ in range(_TRIES):
        work = Work.of(task, store.instances(task.id), store.attempts(task.id))
        after = store.task(task.id)
        if after is None or after == task:
            break
        task = after
    return work


def _facts(store: Store) -> tuple[dict[TaskId, WorkFact], dict[AttemptId, AttemptFact]]:
    works: dict[TaskId, WorkFact] = {}
    ends: dict[AttemptId, AttemptFact] = {}
    while page := store.work_facts(after=next(reversed(works), "")):
        works |= {fact.task_id: fact for fact in page}
    while found := store.attempt_facts(after=next(reversed(ends), "")):
        ends |= {fact.attempt_id: fact for fact in found}
    return works, ends


def _end_of(attempt: Attempt, fact: AttemptFact | None, noted_since: dt.datetime | None) -> list[str]:
    if not attempt.state.final:
        return [] if fact is None else [f"attempt {attempt.id} ended by the ledger, and is {attempt.state.value}"]
    if fact is None:
        late = noted_since is not None and attempt.ended_at is not None and attempt.ended_at > noted_since
        return [f"how attempt {attempt.id} ended does not stand in the ledger"] if late else []
    same = (fact.outcome, fact.node_id) == (attempt.state.value, attempt.node_id)
    same &= fact.ended_at in (attempt.held_until, attempt.ended_at)  # the latter in rows of earlier releases
    return [] if same else [f"attempt {attempt.id} ended otherwise than the ledger says"]
