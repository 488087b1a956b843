"""A fleet's statement over a window: the ledger's figures, the series behind them, and every run with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ondol.accounting.conservation import check, worst_residual
from ondol.accounting.statement import Terms, fleet_statement
from ondol.model.compute import Attempt, Task
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId
from ondol.model.ledger import HeatRow, LedgerRow
from ondol.report.bundle import FleetStatementBundle, JobRun, SinkSeries, UnitSeries
from ondol.storage.ports import Store

_NOTES = (
    "Heat hardware is virtual: pools, tanks and rooms are equations (the thermal twin), fed with the jobs' energy.",
    "A node with `host_cores` stands for a real server on that share of this machine's cores.",
)


def tasks_of(store: Store, accounts: Iterable[AccountId]) -> list[Task]:
    """Every task of these accounts, oldest first."""
    found: list[Task] = []
    for account in accounts:
        token = ""
        while True:
            page = store.tasks(account, token=token, limit=500)
            found += page.rows
            token = page.next_token
            if not token:
                break
    return sorted(found, key=lambda task: (task.created_at, task.id))


def fleet_bundle(
    store: Store,
    fleet: Fleet,
    *,
    clock_rate: float,
    policy: str,
    factor: str,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    notes: tuple[str, ...] = (),
    attributions: tuple[str, ...] = (),
) -> FleetStatementBundle:
    """Put a fleet's statement together from the ledger; windows that begin in [start, end).

    Raises NotFoundError where the ledger holds nothing of that window.
    """
    energy = list(store.energy(start=start, end=end))
    heat = list(store.heat(start=start, end=end))
    if not energy:
        raise NotFoundError("ledger window", f"{start} to {end}")
    rows: list[LedgerRow] = [*energy, *heat]
    tasks = tasks_of(store, [account.id for account in store.accounts()])
    names = {noun.id: noun.name for noun in (*fleet.sites, *fleet.sinks)} | {task.id: task.name for task in tasks}
    terms = Terms(factor=factor, names={str(key): name for key, name in names.items()})
    first, last = min(row.start for row in energy), max(row.end for row in energy)
    return FleetStatementBundle(
        title=fleet.name,
        fleet=fleet_statement(rows, terms),
        start=first,
        end=last,
        created_at=dt.datetime.now(dt.UTC),
        clock_rate=clock_rate,
        policy=policy,
        timezone=fleet.sites[0].timezone,
        sinks=tuple(_sink_series(fleet, heat)),
        units=tuple(_unit_series(fleet, heat)),
        runs=tuple(_runs(store, fleet, tasks, first, last)),
        findings=tuple(check(rows)),
        residual=worst_residual(rows),
        notes=(*notes, *_NOTES),
        attributions=attributions,
    )


def _sink_series(fleet: Fleet, heat: list[HeatRow]) -> Iterable[SinkSeries]:
    sites = {site.id: site.name for site in fleet.sites}
    for sink in fleet.sinks:
        mine = [row for row in heat if row.sink_id == sink.id]
        mine = [row for row in mine if row.unit_id == mine[0].unit_id]
        if mine:
            yield SinkSeries(
                sink_id=sink.id,
                name=sink.name,
                site_id=sink.site_id,
                site_name=sites[sink.site_id],
                times=tuple(row.end for row in mine),
                temp_c=tuple(row.temp_c for row in mine),
                setpoint_c=tuple(row.setpoint_c for row in mine),
                lower_c=tuple(row.lower_c for row in mine),
                upper_c=tuple(row.upper_c for row in mine),
            )


def _unit_series(fleet: Fleet, heat: list[HeatRow]) -> Iterable[UnitSeries]:
    sites = {site.id: site.name for site in fleet.sites}
    for unit in fleet.units:
        mine = [row for row in heat if row.unit_id == unit.id]
        if mine:
            spans_s = [(row.end - row.start).total_seconds() for row in mine]
            yield UnitSeries(
                unit_id=unit.id,
                name=unit.id,
                site_id=unit.site_id,
                site_name=sites[unit.site_id],
                sink_id=mine[0].sink_id,
                times=tuple(row.end for row in mine),
                wanted_w=tuple(row.demanded_j / span for row, span in zip(mine, spans_s, strict=True)),
                delivered_w=tuple(row.delivered_j / span for row, span in zip(mine, spans_s, strict=True)),
                electric_w=tuple(row.electric_j / span for row, span in zip(mine, spans_s, strict=True)),
            )


def _runs(store: Store, fleet: Fleet, tasks: list[Task], first: dt.datetime, last: dt.datetime) -> Iterable[JobRun]:
    sites = {site.id: site.name for site in fleet.sites}
    units = {unit.id: unit for unit in fleet.units}
    unit_of_node = {node.id: units[node.unit_id] for node in fleet.nodes}
    for task in tasks:
        for attempt in store.attempts(task.id):
            unit = unit_of_node.get(attempt.node_id)
            if unit is None or attempt.created_at > last or (attempt.ended_at or last) < first:
                continue
            yield JobRun(
                attempt_id=attempt.id,
                task_id=task.id,
                task_name=task.name,
                instance_id=attempt.instance_id,
                node_id=attempt.node_id,
                unit_id=unit.id,
                site_id=unit.site_id,
                site_name=sites[unit.site_id],
                start=_begin(attempt),
                end=attempt.ended_at,
                outcome=attempt.state.value,
                reason=attempt.reason,
            )


def _begin(attempt: Attempt) -> dt.datetime:
    return attempt.started_at or attempt.created_at
