"""Does everything agree? Tasks, instances, attempts and joules, told by storage and by the ledger."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from dataclasses import dataclass

from ondol.accounting.conservation import check, worst_residual
from ondol.control.statement import tasks_of
from ondol.lifecycle.work import Work, validate
from ondol.model.compute import Attempt
from ondol.model.errors import ConflictError
from ondol.model.ids import AttemptId, TaskId
from ondol.model.ledger import AttemptFact, WorkFact
from ondol.storage.ports import Store

_CPU_TOLERANCE_S = 1e-6


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
    """
    findings: list[str] = []
    energy, heat = list(store.energy()), list(store.heat())
    by_attempt: dict[AttemptId, list[float]] = defaultdict(list)
    for row in energy:
        if row.attempt_id is not None:
            by_attempt[row.attempt_id].append(row.cpu_s)
    instances = attempts = 0
    tasks = tasks_of(store, [account.id for account in store.accounts()])
    works, ends = _facts(store)
    noted_since = min((end.ended_at for end in ends.values()), default=None)  # earlier releases noted no ends
    for task in tasks:
        work = Work.of(task, store.instances(task.id), store.attempts(task.id))
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
                findings += _end_of(attempt, ends.get(attempt.id), noted_since)
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
    same = (fact.outcome, fact.ended_at, fact.node_id) == (attempt.state.value, attempt.ended_at, attempt.node_id)
    return [] if same else [f"attempt {attempt.id} ended otherwise than the ledger says"]
