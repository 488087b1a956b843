"""Fills the picture from a platform's desk."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ondol.cli.screen_model import DecisionRow, JobRow, ScreenModel, SinkRow, SiteRow, Totals
from ondol.model.compute import AttemptState, InstanceState, TaskState
from ondol.model.errors import NotFoundError

if TYPE_CHECKING:
    from ondol.control.ports import DecisionLine, Desk, Now, TaskDetail
    from ondol.model.compute import Attempt, Task
    from ondol.model.fleet import Fleet
    from ondol.model.ids import AccountId

MOST_JOBS = 12
MOST_DECISIONS = 12
_PAGE = 50  # newest tasks of each account that are looked at
_TOTALS_EVERY_S = 2.0
_TOTALS_SHARE = 0.05  # most of our time that summing the ledger may take


class ScreenSource:
    """Gives a fresh picture at every call.

    Parameters
    ----------
    accounts : whose tasks are shown
    notes : sentences to show
    """

    def __init__(
        self,
        desk: Desk,
        accounts: Sequence[AccountId] | Callable[[], Iterable[AccountId]] = (),
        notes: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._desk, self._notes = desk, notes
        self._accounts: Callable[[], Iterable[AccountId]] = accounts if callable(accounts) else lambda: accounts
        self._totals = Totals()
        self._next_s = 0.0

    def __call__(self) -> ScreenModel:
        """Look at the platform now; the ledger is summed every few seconds only."""
        if time.monotonic() >= self._next_s:
            begun_s = time.monotonic()
            self._totals = ledger_totals(self._desk)
            cost_s = time.monotonic() - begun_s
            self._next_s = time.monotonic() + max(_TOTALS_EVERY_S, cost_s / _TOTALS_SHARE)
        return model_from(self._desk, tuple(self._accounts()), notes=tuple(self._notes()), totals=self._totals)


def model_from(
    desk: Desk, accounts: Sequence[AccountId] = (), *, notes: tuple[str, ...] = (), totals: Totals | None = None
) -> ScreenModel:
    """Give the picture of a platform now.

    Parameters
    ----------
    accounts : whose tasks are shown; what is open first, then what ended last
    totals : sums of the ledger, where they are known already; else it is read whole
    """
    now, fleet = desk.now(), desk.fleet()
    names = {str(site.id): site.name for site in fleet.sites}
    details = [desk.detail(account, task.id) for account, task in _shown_tasks(desk, accounts)]
    titles = {str(detail.task.id): detail.task.name for detail in details}
    decisions = tuple(_decision(line, titles) for line in told(now.decisions))
    sums = totals if totals is not None else ledger_totals(desk)
    power_w = math.fsum(unit.measured_w for unit in now.units)
    return ScreenModel(
        at=now.at,
        clock_rate=now.clock_rate,
        policy=now.policy,
        notes=notes,
        sites=_sites(fleet, now),
        jobs=tuple(_job(detail, names, now.decisions) for detail in details),
        decisions=decisions[-MOST_DECISIONS:],
        totals=Totals(
            power_w=power_w,
            energy_kwh=sums.energy_kwh,
            useful_heat_kwh=sums.useful_heat_kwh,
            discomfort_kh=sums.discomfort_kh,
        ),
        timezone=fleet.sites[0].timezone if fleet.sites else "UTC",
    )


SUMMED = dt.timedelta(days=1)  # what the totals of the screen reach back; a ledger grows for years


def ledger_totals(desk: Desk) -> Totals:
    """Sum the ledger of the last day of platform time; all unknown before its first window has passed."""
    from ondol.accounting.statement import fleet_statement

    try:
        since = desk.platform_time() - SUMMED
        statement = fleet_statement([*desk.energy(start=since), *desk.heat(start=since)])
    except NotFoundError:
        return Totals()
    heat = statement.figures.heat
    return Totals(
        energy_kwh=statement.figures.energy.total_kwh,
        useful_heat_kwh=None if heat is None else heat.useful_kwh,
        discomfort_kh=statement.discomfort_kh,
    )


def _shown_tasks(desk: Desk, accounts: Sequence[AccountId]) -> list[tuple[AccountId, Task]]:
    found = [(account, task) for account in accounts for task in desk.tasks(account, limit=_PAGE).rows]
    found.sort(key=lambda pair: (pair[1].created_at, pair[1].id))
    running = [pair for pair in found if not pair[1].state.final]
    over = sorted((pair for pair in found if pair[1].state.final), key=lambda pair: pair[1].ended_at)
    chosen = (running + over[::-1])[:MOST_JOBS]
    return [pair for pair in found if pair in chosen]  # a row stays where it is while its task goes on


def _sites(fleet: Fleet, now: Now) -> tuple[SiteRow, ...]:
    units = {unit.unit_id: unit for unit in now.units}
    sinks = {sink.sink_id: sink for sink in now.sinks}
    rows = []
    for site in fleet.sites:
        wanted: defaultdict[str, float] = defaultdict(float)
        delivered: defaultdict[str, float] = defaultdict(float)
        power_w = 0.0
        for unit in fleet.units_of(site.id):
            seen, sink = units.get(unit.id), fleet.sink_of(unit)
            if seen is None:
                continue
            power_w += seen.measured_w
            if sink is not None:
                wanted[sink.id] += seen.wanted_w
                delivered[sink.id] += seen.measured_w
        rows.append(
            SiteRow(
                name=site.name,
                power_w=power_w,
                sinks=tuple(
                    SinkRow(
                        name=sink.name,
                        temp_c=None if sinks[sink.id].stale else sinks[sink.id].measured_temp_c,
                        setpoint_c=sinks[sink.id].setpoint_c,
                        lower_c=sinks[sink.id].lower_c,
                        upper_c=sinks[sink.id].upper_c,
                        wanted_w=wanted[sink.id],
                        delivered_w=delivered[sink.id],
                    )
                    for sink in fleet.sinks
                    if sink.site_id == site.id and sink.id in sinks
                ),
            )
        )
    return tuple(rows)


def _job(detail: TaskDetail, names: dict[str, str], lines: Sequence[DecisionLine]) -> JobRow:
    task, total = detail.task, len(detail.instances) or 1
    over = [one for one in detail.instances if one.state.final]
    going = math.fsum(info.progress or 0.0 for info in detail.running)
    where = Counter(names.get(info.site_id, info.site_id) for info in detail.running)
    paused = bool(detail.running) and all(info.attempt.state is AttemptState.PAUSED for info in detail.running)
    done = sum(one.state is InstanceState.SUCCEEDED for one in over)
    return JobRow(
        task_id=task.id,
        name=task.name,
        service=task.service.name.lower().replace("_", "-"),
        state="Paused" if paused else task.state.value,
        done=done,
        total=total,
        progress=1.0 if task.state is TaskState.SUCCESS else min(1.0, (len(over) + going) / total),
        place=", ".join(f"{name} ×{count}" for name, count in where.most_common()),
        reason=_reason(detail, lines),
    )


def _reason(detail: TaskDetail, lines: Sequence[DecisionLine]) -> str:
    """Why its newest attempt is where it is; else the last word of the policy on it; else its error."""
    task = detail.task
    if task.errors:
        return task.errors[-1].message
    if task.state.final:
        return ""
    open_attempts: list[Attempt] = [one for one in detail.attempts if not one.state.final]
    if open_attempts:
        return max(open_attempts, key=lambda one: (one.created_at, one.id)).reason
    own = [line.reason for line in lines if line.subject.startswith(task.id)]
    waits = [line.reason for line in lines if line.action == "Wait"]
    return (own or waits or [""])[-1]


def told(lines: Sequence[DecisionLine]) -> list[DecisionLine]:
    """Leave out each Wait that another one follows at once: it says how the queue stands, and only the last is true."""
    told = [line for line, after in itertools.pairwise(lines) if not line.action == after.action == "Wait"]
    return [*told, *lines[-1:]]


def _decision(line: DecisionLine, titles: dict[str, str]) -> DecisionRow:
    """Say the task's name in place of its id."""
    head, slash, rest = line.subject.partition("/")
    subject = line.subject
    if slash and head in titles:
        number, space, tail = rest.partition(" ")
        subject = f"{titles[head]} #{int(number)}{space}{tail}" if number.isdigit() else f"{titles[head]} {rest}"
    elif slash and len(head) == 36:
        subject = f"{head[:8]}/{rest}"
    return DecisionRow(at=line.at, action=line.action, subject=subject, reason=line.reason)
