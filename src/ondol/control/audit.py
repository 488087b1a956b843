"""Does everything agree? Tasks, instances, attempts and joules, told by storage and by the ledger."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from ondol.accounting.conservation import check, worst_residual
from ondol.control.statement import tasks_of
from ondol.lifecycle.work import Work, validate
from ondol.model.errors import ConflictError
from ondol.model.ids import AttemptId
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
    ledger rows; that windows of a node tile time; that shares sum to what the units took.
    """
    findings: list[str] = []
    energy, heat = list(store.energy()), list(store.heat())
    by_attempt: dict[AttemptId, list[float]] = defaultdict(list)
    for row in energy:
        if row.attempt_id is not None:
            by_attempt[row.attempt_id].append(row.cpu_s)
    instances = attempts = 0
    tasks = tasks_of(store, [account.id for account in store.accounts()])
    for task in tasks:
        work = Work.of(task, store.instances(task.id), store.attempts(task.id))
        try:
            validate(work)
        except ConflictError as error:
            findings.append(str(error))
        instances += len(work.instances)
        for tries in work.attempts.values():
            attempts += len(tries)
            for attempt in tries:
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
